"""The words that made sentences are filled with, by the name of their slot. Common ones come first in each list."""

from __future__ import annotations

SLOTS = {
    "name": """Alice Bob Maria Jonas Priya Chen Fatima Lukas Sofia Omar Hannah Diego Yuki Amara Peter Ingrid Noah Leila
        Tomas Grace Viktor Nadia Samuel Elena Kofi Julia Hiro Zoe Marcus Anika Felix Rosa Ivan Mei Daniel Aisha Oscar
        Clara Rafael Linnea Arjun Greta Pablo Ines Stefan Wanjiru Louis Petra Mateo Saoirse""",
    "relative": """sister|brother|mother|father|partner|daughter|son|cousin|aunt|uncle|grandmother|neighbour|flatmate|
        manager|colleague|best friend|landlord|piano teacher|doctor|accountant""",
    "city": """Berlin Madrid London Paris Lisbon Oslo Tokyo Toronto Seattle Austin Nairobi Mumbai Seoul Prague Vienna
        Dublin Zurich Milan Warsaw Helsinki Boston Chicago Denver Kyoto Lagos Cairo Lima Bogota Sydney Auckland Hanoi
        Bangkok Athens Porto Krakow Ghent Leipzig Bergen Turin Valencia""",
    "tool": """Python|Go|Rust|TypeScript|PostgreSQL|SQLite|Docker|Kubernetes|Terraform|Redis|Kafka|FastAPI|Django|React|
        Vue|PyTorch|pandas|DuckDB|Grafana|Prometheus|Ansible|GitLab|Neovim|Emacs|Zig|Elixir|Kotlin|Swift|Spark|Airflow|
        dbt|Nginx|RabbitMQ|MongoDB|Figma|Blender|Excel|LaTeX|Jupyter|Obsidian""",
    "food": """coffee|green tea|sushi|ramen|pizza|lentil soup|sourdough|dark chocolate|peanut butter|mango|feta|tacos|
        dumplings|falafel|risotto|pancakes|kimchi|salmon|tofu|oat milk|blueberries|olives|hummus|paella|gnocchi|curry|
        rye bread|sparkling water|espresso|pistachio ice cream""",
    "hobby": """running|chess|climbing|photography|gardening|cycling|swimming|knitting|pottery|birdwatching|astronomy|
        woodworking|baking|sailing|fencing|drawing|hiking|bouldering|karaoke|calligraphy|beekeeping|table tennis|
        playing the cello|playing the piano|restoring old radios|learning Portuguese|writing short stories|yoga""",
    "job": """software engineer|nurse|teacher|architect|data analyst|designer|product manager|electrician|lawyer|chef|
        civil engineer|translator|journalist|biologist|carpenter|pharmacist|pilot|librarian|researcher|consultant|
        bookkeeper|photographer|veterinarian|train driver""",
    "company": """Acme|Northwind|Globex|Initech|Bluebird Labs|Harbour Health|Kite Logistics|Lumen Energy|Meridian Bank|
        Oakfield School|Pine and Partners|Quill Press|Redwood Robotics|Sable Media|Tidewater Foods|Umbra Games|
        Vertex Insurance|Willow Clinic|Yarrow Studios|Zephyr Airlines""",
    "thing": """laptop|bicycle|camera|standing desk|phone|headphones|espresso machine|e-reader|backpack|monitor|
        keyboard|tent|guitar|sewing machine|air purifier|car|toaster|printer|telescope|sofa|winter coat|hiking tent""",
    "pet": """cat|dog|rabbit|parrot|hamster|tortoise|greyhound|kitten|goldfish|border collie|guinea pig|corgi""",
    "project": """billing service|search page|mobile app|data pipeline|login flow|recommendation model|support chatbot|
        price scraper|inventory system|newsletter|thesis|kitchen renovation|marathon plan|garden shed|wedding speech|
        onboarding guide|tax return|quarterly report|payments migration|design system|photo archive|school play""",
    "topic": """privacy|renewable energy|jazz|medieval history|machine learning|personal finance|typography|nutrition|
        urban planning|space flight|public transport|ceramics|climate policy|modern poetry|cryptography|parenting|
        film noir|football|genealogy|philosophy|interior design|open source|volcanoes|board games|sleep|robotics""",
    "style": """short answers|detailed explanations|bullet points|code examples|plain language|metric units|dark mode|
        formal emails|step by step instructions|British spelling|tables|friendly messages|diagrams|honest criticism""",
    "problem": """a bad knee|migraines|hay fever|a peanut allergy|lactose intolerance|back pain|insomnia|asthma|
        a fear of flying|a shellfish allergy|high blood pressure|motion sickness|a broken wrist|dry eyes""",
    "day": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "month": "January February March April May June July August September October November December",
    "when": """last week|last month|in the spring|two years ago|yesterday|before the holidays|over the weekend|
        this morning|last summer|a few days ago|during the lockdown|after graduation""",
    "reason": """it saves time|the team already knows it|it is easier to test|the old one broke|it was on sale|
        the commute is too long|it helps with stress|a friend recommended it|the deadline moved|it costs less|
        the documentation is better|it runs everywhere|the rent went up|sleep matters more now""",
    "feeling": """happy|worried|excited|unsure|proud|relieved|curious|frustrated|tired|optimistic|nervous|grateful""",
    "subject": """billing|backend work|data analysis|side projects|the frontend|note taking|deployments|prototypes|
        teaching|client demos|large files|weekend trips|daily standups|code review|long documents|quick scripts""",
}


def split(values: str) -> tuple[str, ...]:
    """Split a list: by bars if it has any, else by spaces."""
    return tuple(word.strip() for word in (values.split("|") if "|" in values else values.split()))
