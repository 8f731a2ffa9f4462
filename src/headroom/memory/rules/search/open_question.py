"""Whether a message asks for all of a matter, and whether it asks after something that both sides know. Pure.

"Who is my dentist?" is answered by one note; "tell me about my boat" and "how is the band going?" by all on the matter.
By the usual turns of phrase of some twenty languages; what they miss, a probe on the embedding finds (see `cohort`).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_END: Final = 300
"""Characters of a message that are looked at, its end: what is asked stands there."""


def _any(*turns: str) -> re.Pattern[str]:
    """Compile turns of phrase that begin with a word: one test of where words begin is much faster than one a turn."""
    return re.compile(r"(?<!\w)(?:" + "|".join(turns) + ")")


# "How does a heat pump work?" asks for knowledge, "how are you?" and "how is it going?" for nothing.
_AFTER: Final = _any(
    r"how(?:'s| is| are| was| were| did| has| have) (?!you\b|it\b|life\b|everything\b).{1,60}\b(?:doing|going|go|faring"
    r"|keeping|coming along|getting (?:on|along)|holding up|looking|turn(?:ed|ing)? out|progress\w*|recovering"
    r"|these days|lately|so far|been)\b",
    r"how(?:'s| is| are) (?:things|everything|it all|life) (?:with|at|in|on|around|back)\b",
    r"how(?:'s| is| are) (?:the|my|our|old) [\w'-]+(?: [\w'-]+)?\?*$",
    r"how(?:'s| is| are) (?!you\b|it\b|life\b|everything\b|that\b|this\b)[\w'-]+\?*$",
    r"how far along\b",
    r"what(?:'s| is| was| has)(?: been| still)? (?:going on|happening|up|new|left|next|open|missing|wrong"
    r"|the (?:latest|state|status|situation|story|plan))\b.{0,12} (?:with|at|in|on|to|of|for|from|around|back)\b",
    r"what (?:shape|state|condition)\b.{0,30} in\b",
    r"what (?:still )?(?:needs|remains)\b",
    r"where (?:are|were) (?:we|things) (?:with|on|at)\b",
    r"where do (?:i|we|things) stand\b",
    r"(?:any|is there|are there)\b.{0,12} (?:news|updates?|left|still|open)\b",
    # German, Dutch, Swedish
    r"wie (?:geht|läuft|laufen|steht|stehen|weit)\b.{0,15} (?:mit|um|bei|der|die|das|dem|den|mein\w*|unser\w*)\b",
    r"was (?:macht|machen|gibt's neues|gibt es neues|ist los)\b.",
    r"hoe (?:gaat|staat|loopt|zit) het (?:met|er)\b(?! (?:jou|je|u)\b)",
    r"hur (?:går|mår|ligger|står) (?!du\b|det\?)\w",
    # French, Spanish, Portuguese, Italian
    r"où en (?:est|sont|suis|sommes)\b",
    r"comment (?:va|vont|avance|avancent|se passe|se passent) \w",
    r"quoi de neuf \w",
    r"(?:cómo|qué tal) (?:va|van|anda|andan|está|están|sigue|siguen|marcha) (?!todo\b)\w",
    r"como (?:vai|vão|anda|andam|está|estão) (?!tudo\b|você\b|a vida\b)\w",
    r"come (?:va|vanno|sta|stanno|procede|procedono) (?!la vita\b)\w",
    r"a che punto\b",
    # Polish, Russian, Ukrainian
    r"(?:jak (?:idzie|tam|idą)|co (?:u|nowego|słychać)) (?!ciebie\b)\w",
    r"как (?:обстоят |идут |там )?дела (?:с|у|в|на) (?!тебя|вас)",
    r"как (?:продвига\w+|идёт|идет|поживает|проходит) \w",
    r"что (?:нового|слышно) (?:с|у|о|по|в) (?!тебя|вас)",
    r"як (?:справи|просувається|йде) \w",
    # Turkish, Arabic, Hebrew, Hindi, Greek, Indonesian
    r"nasıl gidiyor",
    r"ne (?:durumda|âlemde|alemde)\b",
    r"كيف (?:حال|أحوال|تسير|يسير|وضع|صار) ",
    r"(?:شو|ما) أخبار ",
    r"מה (?:קורה|המצב|חדש) (?:עם|ב)",
    r"का क्या हाल",
    r"πώς (?:πάει|πάνε|είναι) (?:το|η|ο|οι|τα) ",
    r"bagaimana (?:kabar|keadaan|perkembangan) (?!anda|kamu)",
)
_AFTER_UNSPACED: Final = re.compile(
    "(?<!你)(?:怎么样|怎样)了?[？?]?$|进展|(?:情况|状况)(?:如何|怎么样)"
    "|(?:は|って|状況|様子|調子|進み具合).{0,3}(?:どう(?:なって|です|？|$)|どんな)"
    "|어떻게 (?:되|돼|지내|진행)|어때|상황|근황"
)
_ALL: Final = _any(
    r"(?:tell|told) (?:me|us)\b.{0,25} (?:about|of|on)\b",
    r"what (?:do|did|have|can)(?: you| i| we)?\b.{0,12} (?:know|remember|recall|told?|said?|say|tell|decided?"
    r"|agreed?|settled?"
    r"|planned|mentioned|stored|noted) ?(?:about|of|on|for|with|you|me|so far|\?|$)",
    r"anything\b.{0,30} (?:told?|said|mentioned|know|remember)\b",
    r"(?:everything|all (?:of )?(?:that|the|my|our|i|we)|all about|details|overview|summar\w+|sum .{0,25}\bup"
    r"|recap|rundown"
    r"|brief me|catch me up|bring me up|refresh|remind me (?:of|about|what)|checklist|put together|compile|update on"
    r"|help me|draft|describe|list (?:of|my|our|all|every\w*|the))\b",
    r"write\b.{0,30} (?:about|on|for|from)\b",
    r"what (?:should|would|must|shall|do|does) .{1,30}\b(?:know|tell|say|bring up|mention|watch|remember"
    r"|think of|consider"
    r"|keep in mind)\b",
    r"what (?:does|do) .{1,40} look like\b",
    r"what(?:'s| is| are) .{1,40} like\?*$",
    r"(?:which|what) (?:\w+ ){0,2}(?!is |was |has |does |its |this |us )\w{2,}s"
    r" (?:do|did|have|am|are|were|should|can) (?:i|we|my|our)\b",
    r"how (?:do|should|can) (?:i|we) (?:look after|take care|handle|organi[sz]e)\b",
    # German, Dutch, Swedish
    r"(?:erzähl|bericht)\w*",
    r"was (?:weißt|weisst|wissen|habe? ich|haben wir|muss ich|soll ich)\b",
    r"fass\w*\b.{0,40}\bzusammen",
    r"(?:zusammenfassung|überblick|erinner\w*|stichpunkte|checkliste|liste|alles (?:über|zu|was))\b",
    r"(?:vertel|herinner)\w*",
    r"(?:wat weet je|samenvatting|overzicht|lijst|vat\b.{0,40}\bsamen)\b",
    r"(?:berätta|sammanfatta|påminn|vad vet du)\b",
    # French, Spanish, Portuguese, Italian
    r"(?:parle|raconte|rappelle|résume|fais|aide|liste)[sz]?[- ](?:moi|tout)\b",
    r"(?:résum|récapitul)\w+",
    r"(?:que sais-tu|tout ce (?:que|qui)|(?:qu'est-ce|que) .{0,20}(?:sais|t'ai dit|ai-je dit))\b",
    r"(?:cuéntame|háblame|recuérdame|hazme|resúmeme|resume|prepárame|ayúdame|resumen|lista|todo (?:lo que|sobre))\b",
    r"qué (?:sabes|te (?:he dicho|dije|conté))\b",
    r"(?:me (?:conta|conte|fala|fale|lembra|lembre|ajuda|faz)|resum[aeo]|fala-me|tudo (?:o que|sobre))\b",
    r"o que .{0,12}(?:sabe|sabes|te disse|contei)\b",
    r"(?:raccontami|parlami|ricordami|fammi|aiutami|riassum\w+|riepilog\w+|riassunto|(?:cosa|che) sai)\b",
    r"tutto (?:quello|ciò|su)",
    # Polish, Russian, Ukrainian
    r"(?:opowiedz|podsumuj|streść|przypomnij|wypisz|co wiesz|wszystko,? co|list[aęy])\b",
    r"(?:расскажи|подытож\w*|резюмируй|перечисли|напомни|сводк\w+|список|что (?:ты )?(?:знаешь|помнишь)"
    r"|вс[её],? что)\b",
    r"(?:розкажи|підсумуй|нагадай|що (?:ти )?(?:знаєш|пам'ятаєш))\b",
    # Turkish, Arabic, Hebrew, Greek, Indonesian, Vietnamese
    r"(?:anlat|özetle|hatırlat|ne biliyorsun)\b",
    r"(?:أخبرني|احكي لي|حدثني) عن|(?:ماذا|شو) (?:تعرف|بتعرف)|لخص|ذكرني|كل ما ",
    r"ספר לי על|מה אתה יודע|סכם",
    r"πες μου για|τι ξέρεις|σύνοψη|συνόψισε|θύμισέ",
    r"(?:ceritakan|ringkas|rangkum|ingatkan)\b",
    r"(?:kể|biết gì) (?:về|cho)|tóm tắt|liệt kê",
)
_ALL_UNSPACED: Final = re.compile(
    "知道.{0,8}(?:关于|哪些|什么)|关于我的|总结|概括|列出|清单|讲讲|说说|介绍一下|整理"
    "|について|まとめ|教えて|一覧|思い出させ|知ってる|知っています|에 대해|정리|요약|알려|목록|के बारे में|सारांश"
)


def asks_after(message: str) -> bool:
    """Return whether a message asks how something goes that both know, which speaks of its writer's life."""
    return _says(_asked(message), _AFTER, _AFTER_UNSPACED)


def asks_for_all(message: str) -> bool:
    """Return whether the wording of a message asks for all of a matter and not for one thing."""
    asked = _asked(message)
    return _says(asked, _AFTER, _AFTER_UNSPACED) or _says(asked, _ALL, _ALL_UNSPACED)


def _asked(message: str) -> str:
    text = unicodedata.normalize("NFC", message[-_END:].casefold()).replace("’", "'")
    return text.strip().rstrip(".!")


def _says(text: str, spaced: re.Pattern[str], unspaced: re.Pattern[str]) -> bool:
    return bool(spaced.search(text) or (not text.isascii() and unspaced.search(text)))
