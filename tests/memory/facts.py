"""Facts that tests remember: of one user's life and work, and in many scripts."""

from __future__ import annotations

DIVERSE = """\
User prefers Python for backend work
User is allergic to peanuts
User's cat is called Pixel
User prefers window seats on planes
User runs half marathons
User's daughter Ines has swimming lessons on Tuesdays
Orders are kept in PostgreSQL 15
The team deploys to Kubernetes with Helm
User is vegetarian since 2015
User lives in Lisbon
User's partner Tom is a wedding photographer
User is learning to play the cello
The API gateway allows 600 requests a minute
User takes 50 micrograms of levothyroxine daily
User's mother lives in Porto
User drives a blue electric Renault
User's passport expires in February 2028
User's manager is called Duarte
User dislikes coriander
The mortgage runs until 2031
User reads Ursula Le Guin
The staging server is named heron
User wants answers without emoji
User's bicycle was stolen in April
User sings alto in a choir
The company was bought by a Danish group
User keeps a sourdough starter
User's favourite colour is petrol
User's tax adviser is Senhora Pires
The mobile app is built with Flutter
User broke a wrist skiing in Andorra
User studied mathematics in Coimbra
User uses Neovim with a dark theme
The bathroom will be renovated in autumn
User mentors a junior developer called Sipho
User gets migraines from red wine
The heat pump is serviced each October
User collects stamps with birds
The washing machine makes a grinding noise
Infrastructure is described in Terraform
User follows the women's team of Benfica
User prefers trains to short flights
User's sister Clara is a nurse in Rotterdam
The allotment has number 17
User plays board games
The printer works over the cable only
User uses Bitwarden for passwords
User speaks Portuguese and some German
User's wedding anniversary is on 3 October
Refunds are handled by a cron job
""".splitlines()
"""Fifty that have little to do with each other."""

_NAMES = "Abel Berta Carlo Dora Emil Frida Gero Hanna Ivan Jule Kurt Lina Milo Nora Otto".split()
_DEEDS = (
    "works as a plumber",
    "moved to Oslo",
    "bakes rye bread",
    "restores old radios",
    "owes the user 20 euros",
    "teaches chemistry",
    "has twin boys",
    "plays chess by mail",
    "sails at weekends",
    "wants to sell a drum kit",
)
MORE = [f"{name} {deed}" for name in _NAMES for deed in _DEEDS]
"""A hundred and fifty of other people."""

KEYWORDS = [
    ("她最喜欢的颜色是蓝色", "蓝色"),
    ("我的护照号码在保险箱里", "护照"),
    ("用户住在上海浦东", "浦东"),
    ("彼は東京タワーの近くに住んでいる", "東京タワー"),
    ("毎朝コーヒーを飲みます", "コーヒー"),
    ("猫の名前はミケです", "ミケ"),
    ("ผู้ใช้ชอบกินส้มตำมาก", "ส้มตำ"),
    ("เขาทำงานที่กรุงเทพ", "กรุงเทพ"),
    ("المستخدم يعيش في القاهرة", "القاهرة"),
    ("أختي تدرس الهندسة", "الهندسة"),
    ("उपयोगकर्ता को हिन्दी फ़िल्में पसंद हैं", "फ़िल्में"),
    ("मेरा भाई दिल्ली में रहता है", "दिल्ली"),
    ("Пользователь работает в Сбербанк", "Сбербанк"),
    ("Моя собака боится грозы", "грозы"),
    ("Der Nutzer fährt mit der Straßenbahn zur Arbeit", "Straßenbahn"),
    ("Die Bürgschaft läuft über die Sparkasse Köln", "köln"),
    ("Kullanıcı İstanbul'da yaşıyor", "istanbul"),
    ("Annem ılık süt sever", "ılık"),
    ("사용자는 서울에서 일합니다", "서울"),
    ("좋아하는 음식은 김치찌개", "김치찌개"),
    ("Ο χρήστης μένει στην Αθήνα", "αθήνα"),
    ("המשתמש גר בתל אביב", "אביב"),
    ("The party theme is 🦄 and glitter", "🦄"),
    ("We ship with 🚀 on Fridays", "🚀"),
    ("The retry limit lives in max_retry_count", "max_retry_count"),
    ("He writes the engine in C++", "C++"),
    ("She maintains the F# compiler", "F#"),
    ("Our cluster runs on k8s", "k8s"),
    ("Pin numpy to version 1.26.4", "1.26.4"),
    ("The config sits in /etc/nginx/nginx.conf", "/etc/nginx/nginx.conf"),
    ("Call parseHttpResponse before anything else", "parseHttpResponse"),
    ("The service listens on port 8443", "8443"),
    ("Built with .NET and Node.js", "Node.js"),
    ("Mail goes to ops@example.com", "ops@example.com"),
    ("Ticket ABC-1234 tracks the leak", "ABC-1234"),
    ("Use the --no-cache flag", "--no-cache"),
]
"""Facts, each with a word that finds it."""
