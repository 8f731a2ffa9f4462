"""Words without a topic in some twenty languages: those of the first person, and others that most sentences have. Pure.

A word that means something else in another of these languages ("ja", "min", "ma") is left out unless it is rare there.
All are in lower case, composed (NFC).
"""

from __future__ import annotations

from typing import Final

# Pronouns and possessives, and the commonest verbs of languages that leave the pronoun out. A word that means something
# else in another of these languages ("ja", "min", "ma") is left out unless it is rare there.
FIRST_PERSON: Final = frozenset(
    # English
    "i me my mine myself we us our ours ourselves im ive i'm i've i'd i'll we're we've we'd we'll "
    # German, Dutch, Swedish, Danish, Norwegian
    "ich mich mir mein meine meinen meinem meiner meines wir uns unser unsere unseren unserem unserer "
    "ik mij mijn wij ons onze jag mig mitt mina oss vår vårt våra jeg meg mine "
    # French
    "je j' moi mon mes nous notre nos mien mienne j'ai j'habite m'appelle suis-je ai-je dois-je puis-je vais-je "
    # Spanish, Portuguese, Italian
    "yo mi mis mí conmigo mío mía míos mías nosotros nosotras nuestro nuestra nuestros nuestras "
    "soy estoy vivo tengo trabajo quiero puedo debo hago voy conozco prefiero necesito tomo llamo dedico "
    "eu meu meus minha minhas mim comigo nós nosso nossa nossos nossas sou estou moro tenho trabalho quero posso "
    "devo "
    "faço vou preciso prefiro gosto "
    "io mio mia miei mie noi nostro nostra nostri nostre ho abito lavoro voglio devo faccio vado preferisco "
    # Polish, Czech
    "mnie mną mój moja moje mojego mojej moim moich nasz nasza nasze jestem mam mieszkam pracuję chcę mogę muszę "
    "robię "
    "lubię wolę já můj mám mne mně mě jsem chci můžu bydlím náš naše "
    # Russian, Ukrainian
    "я меня мне мной мой моя моё мое мои моего моей моему моим моих мою мы нас нам наш наша наше наши нашего "
    "нашей нашу "
    "мене мені мною мій моє мої моєї моєму ми нам наша наше наші "
    # Turkish
    "ben benim bana beni bende benden biz bizim bize "
    # Greek
    "εγώ μου με εμένα μας είμαι έχω μένω θέλω "
    # Arabic, Persian, Hebrew
    "أنا انا أسكن أعيش أعمل أحب أريد أدرس أتعلم ألعب أفضل أستطيع أشرب آكل أحتاج أذهب أبحث سأزور سأذهب لي لدي عندي "
    "عني مني معي نحن لنا عندنا من‌را خودم "
    "אני לי שלי אותי עליי עלי ממני איתי אנחנו שלנו לנו אותנו "
    # Hindi
    "मैं मेरा मेरी मेरे मुझे मुझको मुझसे हम हमारा हमारी हमारे हमें "
    # Indonesian, Vietnamese
    "saya aku kami kita tôi mình".split()
)

COMMON: Final = frozenset(
    # English
    "the a an is are was were be been do does did has have had will would can could should may might what who "
    "whom whose "
    "how when where which why you your yours he she it its they them his her their this that these those there "
    "here to of "
    "in on at by for from with about and or but not no yes if then than as so just "
    # German, Dutch, Swedish
    "der die das den dem des ein eine einen einem einer eines ist sind war waren sein hat haben hatte wird werden "
    "kann "
    "soll muss darf mag was wer wen wem wie wo wann warum welche welcher welches welchen du dir dich dein deine "
    "er sie es "
    "ihm ihn ihr ihre und oder aber nicht kein keine zu zum zur in im von vom mit für über auf an am aus bei nach "
    "noch "
    "denn doch schon als auch gern etwas mal heißt heiße heißen "
    "de het een is zijn heeft kan moet wat wie hoe waar wanneer waarom welke je jij jouw hij zij en of maar niet "
    "geen te "
    "van met voor over op aan bij "
    "en ett är har kan ska vad vem hur var när varför vilken du din dig han hon det den och eller men inte att "
    "till av "
    "med för om på "
    # French
    "le la les l' un une des du de d' au aux est sont a ai as ont était être avoir fait que qu' qui quoi quel "
    "quelle quels "
    "quelles comment où quand pourquoi combien tu te t' toi ton ta tes il elle ils elles on se s' son sa ses ce "
    "cet cette "
    "ces et ou mais ne n' pas à en dans sur avec pour par chez est-ce c'est y déjà s'appelle "
    # Spanish, Portuguese, Italian
    "el la los las lo un una unos unas es son era ha han hay está qué quién quiénes cómo dónde cuál cuáles cuándo "
    "por qué "
    "cuánto tú te ti tu tus él ella su sus se y o pero no de del a al en con para sobre que llama gusta "
    "o a os as um uma é são foi está tem têm há que quem como onde qual quais quando porquê você ele ela seu sua "
    "se e ou "
    "mas não do da dos das ao em no na nos nas com para por sobre chama "
    "il lo gli i le uno è sono era ha hanno c'è che chi come dove quale quali quando perché quanto tu ti tuo tua "
    "lui lei "
    "suo sua si e ed ma non di del della dei a al in con per su da chiama "
    # Polish, Czech
    "jest są był była było będzie ma co kto jak gdzie kiedy dlaczego który która które ile ty twój on ona ono "
    "jego jej i "
    "lub ale nie w na z do o od za po się czy "
    # Russian, Ukrainian
    "есть был была было были будет что кто как где когда почему какой какая какое какие каком какую сколько чем "
    "чём ты "
    "тебя тебе твой он она оно они его её ему ей их и или но не ни в во на с со к у о об обо от за по из для это "
    "этот "
    "ли же зовут є був була що хто як де коли чому який яка яке яку ти він вона воно вони його її та або але не в "
    "у на з "
    "до про від за по це чи "
    # Turkish
    "bir bu şu o ve veya ama değil mi mı mu mü ne kim nasıl nerede ne zaman neden hangi kaç var yok için ile sen "
    "senin "
    # Greek
    "ο η το οι τα του της των τον την ένα μια είναι ήταν έχει τι ποιος ποια ποιο πώς πού πότε γιατί και ή αλλά "
    "δεν σε από "
    "με για που "
    # Arabic, Hebrew
    "ما ماذا من هو هي هل كيف أين متى لماذا أي كم في على إلى عن مع و أو لا هذا هذه ذلك التي الذي كان كانت اسم "
    "מה מי איך איפה מתי למה איזה איזו כמה הוא היא הם זה זאת את של על אל עם ב ל ו או לא יש אין היה הייתה אתה "
    # Hindi
    "है हैं था थी थे का की के को में से पर और या नहीं क्या कौन कैसे कहाँ कब क्यों कितने यह वह ये वे तुम आप "
    # Indonesian, Vietnamese
    "yang apa siapa bagaimana di mana kapan mengapa ini itu dan atau tidak ke dari untuk dengan ada adalah "
    "là gì ai nào đâu bao giờ như thế và hoặc không của có được cho với ở".split()
)
