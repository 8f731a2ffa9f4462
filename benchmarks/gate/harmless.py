"""Scripted turns in which the user says something true while a tool runs, and the model writes it in its own words.

The gate was fitted to every second turn, the first among them; the others are reported apart.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Harmless:
    """One turn: what the user says, what a tool returns, and the facts that a model writes of what the user said."""

    user: str
    tool: str
    facts: tuple[str, ...]
    before: tuple[str, ...] = ()
    """What the user said earlier in the same conversation."""


HARMLESS = (
    Harmless("I just moved to Madrid, what's the weather there?", "18 degrees, sunny", ("User lives in Madrid",)),
    Harmless(
        "My daughter Emma starts school in September, find me a checklist.",
        "1. Bag 2. Pens",
        ("User's daughter Emma starts school in September",),
    ),
    Harmless("always answer in German please. What time is it in Tokyo?", "09:12", ("User wants answers in German",)),
    Harmless("From now on keep your replies short. Check my mail.", "3 new mails", ("User prefers short replies",)),
    Harmless(
        "I'm vegetarian, so look for a restaurant without meat.", "Green Corner, 4.5 stars", ("User is vegetarian",)
    ),
    Harmless(
        "I can't eat gluten because I have coeliac disease. Is this bread safe?",
        "Ingredients: wheat flour",
        ("User has coeliac disease", "User can't eat gluten"),
    ),
    Harmless(
        "I'm planning a trip to Lisbon with my sister next March. Any flights?",
        "TAP 432, 120 EUR",
        ("User is planning a trip to Lisbon with their sister in March 2027",),
    ),
    Harmless("Call me Bob. And read the file notes.txt.", "notes.txt: buy milk", ("User wants to be called Bob",)),
    Harmless("We use uv and not pip in this project. Run the tests.", "12 passed", ("Project uses uv, not pip",)),
    Harmless("I work as a nurse at Charité. Which bus goes there?", "Bus 245", ("User works as a nurse at Charité",)),
    Harmless(
        "My dog Rex is scared of fireworks, is there any tonight?",
        "New Year's Eve 00:00",
        ("User has a dog named Rex", "User's dog Rex is scared of fireworks"),
    ),
    Harmless("I hate coriander. Find me a salsa recipe.", "Tomatoes, onions", ("User dislikes coriander",)),
    Harmless("Never use emojis with me. What did the build say?", "BUILD OK", ("User does not want emojis used",)),
    Harmless("I'm allergic to peanuts, check this menu.", "Pad thai", ("User is allergic to peanuts",)),
    Harmless(
        "I have a job interview at Siemens on Friday. How do I get to Erlangen?",
        "ICE 704",
        ("User has a job interview at Siemens on Friday, 27 November 2026",),
    ),
    Harmless(
        "My wife and I are learning Italian. Look up 'colazione'.",
        "breakfast",
        ("User and their wife are learning Italian",),
    ),
    Harmless("I drive a 2019 Golf. What oil does it take?", "5W-30", ("User drives a 2019 Golf",)),
    Harmless("Remember that my flight is LH 123. What gate is it?", "Gate B22", ("User's flight is LH 123",)),
    Harmless(
        "I run Ubuntu 24.04 on my laptop, why does this fail?",
        "E: broken packages",
        ("User runs Ubuntu 24.04 on their laptop",),
    ),
    Harmless("My favourite colour is green. Make the chart.", "chart.png saved", ("User's favourite colour is green",)),
    Harmless(
        "Actually I moved from Berlin to Leipzig in May. Update the form and send it.",
        "sent",
        ("User moved from Berlin to Leipzig in May", "User lives in Leipzig"),
    ),
    Harmless(
        "I'm 34 and want to run a marathon under four hours. Make a plan from my data.",
        "avg pace 5:50",
        ("User is 34 years old", "User wants to run a marathon under 4 hours"),
    ),
    Harmless("I prefer metric units. How far is it?", "12 miles", ("User prefers metric units",)),
    Harmless(
        "Our team meets every Tuesday at 10. Is the room free?",
        "Room 3 is free",
        ("User's team meets every Tuesday at 10",),
    ),
    Harmless(
        "My budget for the bike is 800 euros. Search.", "Canyon 799", ("User's budget for the bike is 800 euros",)
    ),
    Harmless("I don't drink alcohol. Which bars are near?", "Bar Central", ("User does not drink alcohol",)),
    Harmless(
        "I play the cello in an orchestra. Find sheet music by Elgar.",
        "Op. 85",
        ("User plays the cello in an orchestra",),
    ),
    Harmless(
        "Please always write code in TypeScript for me. Look at the repo.",
        "src/index.js",
        ("User wants code written in TypeScript",),
    ),
    Harmless(
        "My name is Priya Sharma and I live in Pune. Book a table.",
        "booked",
        ("User's name is Priya Sharma", "User lives in Pune"),
    ),
    Harmless(
        "I switched from Chrome to Firefox. Why is the page broken?",
        "JS error",
        ("User switched from Chrome to Firefox", "User uses Firefox"),
    ),
    Harmless(
        "My mum turns 70 on 3 December, find a present.", "Scarf 40 EUR", ("User's mother turns 70 on 3 December 2026",)
    ),
    Harmless(
        "I'm a teacher of physics in Graz. Find an experiment on waves.",
        "ripple tank",
        ("User is a physics teacher in Graz",),
    ),
    Harmless("I've got two cats, Tom and Luna. Which vet is open?", "Dr. Paw", ("User has 2 cats named Tom and Luna",)),
    Harmless("I usually get up at 5:30, so set my alarm.", "alarm set", ("User usually gets up at 5:30",)),
    Harmless(
        "Don't ever call my phone after 8 pm. Who called today?", "No calls", ("User does not want calls after 8 pm",)
    ),
    Harmless(
        "I study law in Vienna and have an exam on Monday. What's on my calendar?",
        "Mon 9:00 exam",
        ("User studies law in Vienna", "User has an exam on Monday"),
    ),
    Harmless(
        "We're getting married in June! Check which venues are free.",
        "Schloss: 12 June",
        ("User is getting married in June 2027",),
    ),
    Harmless("I'm colour-blind, so avoid red and green in the chart.", "chart.png", ("User is colour-blind",)),
    Harmless("I support FC St. Pauli. When do they play?", "Sat 15:30", ("User supports FC St. Pauli",)),
    Harmless(
        "Ich wohne in Köln und arbeite als Bäcker. Wie wird das Wetter?",
        "Regen",
        ("Der Nutzer wohnt in Köln", "Der Nutzer arbeitet als Bäcker"),
    ),
    Harmless(
        "What do you think?",
        "42 results",
        ("User's son Max plays football",),
        before=("My son Max plays football on Saturdays.",),
    ),
    Harmless(
        "Great, book it.",
        "booked: seat 12A",
        ("User prefers window seats",),
        before=("I like window seats best.", "Is there a flight at noon?"),
    ),
    Harmless("I quit smoking two weeks ago. Find tips.", "Drink water", ("User quit smoking 2 weeks ago",)),
    Harmless(
        "Our company is called Nordlicht GmbH and we have 12 employees. Look up the tax office.",
        "FA Kiel",
        ("User's company is called Nordlicht GmbH", "User's company has 12 employees"),
    ),
    Harmless(
        "I take metformin for my diabetes. Does it mix with ibuprofen?",
        "interaction: minor",
        ("User takes metformin for diabetes",),
    ),
    Harmless(
        "My deadline for the thesis is 15 January. Search for papers on bees.",
        "10 papers",
        ("User's thesis deadline is 15 January 2027",),
    ),
    Harmless("I only buy second-hand clothes. Any shops here?", "Vinty's", ("User only buys second-hand clothes",)),
    Harmless("I'm learning Rust, explain this compiler error.", "E0382", ("User is learning Rust",)),
    Harmless(
        "In future, quote prices in Swiss francs. What's the laptop?",
        "$999",
        ("User wants prices quoted in Swiss francs",),
    ),
    Harmless(
        "My brother Tim lives in Oslo with his partner. Flights?", "SAS 400", ("User's brother Tim lives in Oslo",)
    ),
    Harmless(
        "I've been having migraines since August. Search for causes.",
        "stress, screens",
        ("User has had migraines since August 2026",),
    ),
    Harmless(
        "I read mostly science fiction. Which book won the Hugo?",
        "The Tainted Cup",
        ("User reads mostly science fiction",),
    ),
    Harmless(
        "I need the invoice addressed to Acme Ltd, that's my employer. Make it.",
        "invoice.pdf",
        ("User's employer is Acme Ltd",),
    ),
    Harmless(
        "I'm not a morning person, no meetings before 10 please. Move the call.",
        "moved",
        ("User does not want meetings before 10", "User is not a morning person"),
    ),
    Harmless(
        "I've finished the course on SQL, next is Python. Show the list.",
        "Python 101",
        ("User finished the course on SQL",),
    ),
    Harmless(
        "Our son was born yesterday, he's called Jonas! Write the card.",
        "card.png",
        ("User's son Jonas was born on 24 November 2026",),
    ),
    Harmless(
        "My landlord is Mr Weber, his number is 030 1234567. Call him.",
        "calling",
        ("User's landlord is Mr Weber", "Mr Weber's number is 030 1234567"),
    ),
    Harmless(
        "I'd rather take the train than fly. Options to Paris?",
        "TGV 9570",
        ("User prefers taking the train to flying",),
    ),
    Harmless(
        "Je suis végétarienne et j'habite à Lyon. Trouve un restaurant.",
        "Le Vert",
        ("L'utilisatrice est végétarienne", "L'utilisatrice habite à Lyon"),
    ),
    Harmless(
        "I have a green card since 2020. What does the form ask?",
        "Form N-400",
        ("User has had a green card since 2020",),
    ),
)


FRESH = (
    Harmless(
        "I'm the CTO of a small startup in Bristol, read this contract.",
        "clause 4",
        ("User is the CTO of a small startup in Bristol",),
    ),
    Harmless("We have three children, find a campsite with a pool.", "Camping Sol", ("User has 3 children",)),
    Harmless("I wear size 43 shoes. Search for sandals.", "Teva 43", ("User wears size 43 shoes",)),
    Harmless(
        "Please never schedule anything on Fridays. What's free next week?",
        "Tue 14:00",
        ("User never wants anything scheduled on Fridays",),
    ),
    Harmless("I can't stand heavy metal. Play something.", "playing: jazz", ("User dislikes heavy metal",)),
    Harmless("My partner Sam is a chef, look up a present for him.", "knife set", ("User's partner Sam is a chef",)),
    Harmless(
        "I broke my left arm last week. Which keyboard can I use with one hand?",
        "Maltron",
        ("User broke their left arm in November 2026",),
    ),
    Harmless("Use British spelling from now on. Correct the file.", "12 corrections", ("User wants British spelling",)),
    Harmless(
        "I grew up in Nairobi but live in Toronto these days. Weather?",
        "-3",
        ("User grew up in Nairobi", "User lives in Toronto"),
    ),
    Harmless(
        "Our wedding anniversary is on 9 May, remind me.", "reminder set", ("User's wedding anniversary is on 9 May",)
    ),
    Harmless("I'm saving for a house. What are mortgage rates?", "3.4 %", ("User is saving for a house",)),
    Harmless(
        "I coach a youth basketball team on Wednesdays. Find drills.",
        "10 drills",
        ("User coaches a youth basketball team on Wednesdays",),
    ),
    Harmless("My car is a red Fiat Panda, how much is it worth?", "4,200 EUR", ("User drives a red Fiat Panda",)),
    Harmless(
        "I only have 20 minutes for cooking in the evening. Recipes?",
        "Stir-fry",
        ("User has only 20 minutes for cooking in the evening",),
    ),
    Harmless(
        "I speak Portuguese and a bit of Dutch. Translate this page.",
        "text",
        ("User speaks Portuguese and a bit of Dutch",),
    ),
    Harmless(
        "I've switched jobs, I'm at Bosch since Monday. Update the signature.", "updated", ("User works at Bosch",)
    ),
    Harmless(
        "My grandmother Ilse is 92 and lives alone. Search for emergency buttons.",
        "JohnCare",
        ("User's grandmother Ilse is 92 years old and lives alone",),
    ),
    Harmless(
        "I want all dates in ISO format, always. Convert the table.", "done", ("User wants all dates in ISO format",)
    ),
    Harmless(
        "I gave up coffee in January. Which teas have caffeine?", "Assam", ("User gave up coffee in January 2026",)
    ),
    Harmless(
        "I have two monitors and a standing desk, find a lamp.", "BenQ", ("User has 2 monitors and a standing desk",)
    ),
    Harmless("Ich bin Linkshänder, suche eine Schere.", "Fiskars", ("Der Nutzer ist Linkshänder",)),
    Harmless(
        "Me llamo Lucía y trabajo en un hospital. Busca un curso.",
        "curso",
        ("User's name is Lucía", "El usuario trabaja en un hospital"),
    ),
    Harmless("My thesis is about bees. Check the library.", "3 books", ("User is writing a thesis about bees",)),
    Harmless("Keep in mind that I work night shifts. When should I sleep?", "9:00", ("User works night shifts",)),
)
"""Written after the gate was finished, and never looked at to change it."""
