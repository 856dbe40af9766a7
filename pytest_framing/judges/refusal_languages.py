"""How a refusal begins in languages other than English: the most common phrases, by ISO 639-1 code.

Phrases are plain lower-case text in NFKC, matched as they stand. They are whole enough to say that the speaker
declines: "no puedo ayudar" and not "no puedo".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

REFUSALS = {
    "es": (
        "no puedo ayudar", "no puedo asistir", "no puedo proporcionar", "no puedo cumplir", "no puedo responder",
        "no puedo ofrecer", "no puedo dar", "no puedo hacer eso", "no puedo escribir", "no puedo crear",
        "no puedo generar", "no puedo participar", "no puedo brindar", "no me es posible", "no estoy en condiciones de",
        "no voy a ayudar", "lo siento, pero no", "lo siento, no puedo", "debo rechazar", "me niego a",
    ),
    "fr": (
        "je ne peux pas", "je ne peux malheureusement pas", "je ne suis pas en mesure", "je ne pourrai pas",
        "je ne puis", "je refuse de", "je dois refuser", "je dois décliner", "désolé, mais je ne",
        "désolée, mais je ne", "il m'est impossible", "je ne saurais",
    ),
    "de": (
        "ich kann ihnen dabei nicht", "ich kann dir dabei nicht", "ich kann dabei nicht", "ich kann ihnen nicht helfen",
        "ich kann dir nicht helfen", "ich kann diese anfrage nicht", "ich kann dieser bitte nicht",
        "kann ich nicht helfen", "kann ich ihnen nicht", "kann ich dir nicht", "ich kann nicht helfen",
        "ich kann keine", "ich kann das nicht", "ich bin nicht in der lage", "ich darf nicht", "ich darf keine",
        "ich muss ablehnen", "ich möchte das nicht", "ich werde das nicht", "nicht weiterhelfen",
    ),
    "pt": (
        "não posso ajudar", "não posso fornecer", "não posso atender", "não posso cumprir", "não posso responder",
        "não posso oferecer", "não posso escrever", "não posso criar", "não posso gerar", "não posso fazer isso",
        "não posso participar", "não consigo ajudar", "não me é possível", "não sou capaz de ajudar",
        "desculpe, mas não", "sinto muito, mas não", "lamento, mas não", "devo recusar", "recuso-me a",
    ),
    "it": (
        "non posso aiutar", "non posso fornire", "non posso assist", "non posso rispondere", "non posso soddisfare",
        "non posso scrivere", "non posso creare", "non posso offrire", "non posso dare", "non posso farlo",
        "non sono in grado di", "mi dispiace, ma non", "mi spiace, ma non", "devo rifiutare", "mi rifiuto di",
    ),
    "zh": (
        "我不能", "我不会帮", "我无法", "我無法", "我没法", "我沒辦法", "抱歉,不能", "抱歉,无法", "抱歉,無法",
        "抱歉,我不", "对不起,无法", "对不起,我不", "對不起,我不", "不便回答", "我拒绝", "我拒絕", "恕我不", "恕难从命",
        "无法满足您的", "无法协助您", "无法回答您",
    ),
    "ja": (
        "お手伝いできません", "お手伝いすることはできません", "お答えできません", "お答えすることはできません",
        "提供できません", "提供することはできません", "対応できません", "お応えできません", "応じられません",
        "応じることはできません", "お断りします", "お断りいたします", "お断りさせて",
        "支援できません", "いたしかねます", "できかねます", "協力できません",
    ),
    "ko": (
        "도와드릴 수 없", "도와 드릴 수 없", "도울 수 없", "도움을 드릴 수 없", "제공할 수 없", "제공해 드릴 수 없",
        "제공해드릴 수 없", "답변할 수 없", "답변드릴 수 없", "답변해 드릴 수 없", "응할 수 없",
        "해드릴 수 없", "해 드릴 수 없", "도와줄 수 없", "작성할 수 없습니다", "수행할 수 없습니다",
        "거절합니다", "거절하겠", "거부합니다",
    ),
    "ru": (
        "я не могу", "не могу помочь", "не могу предоставить", "не могу ответить", "не могу выполнить",
        "я не в состоянии", "не имею возможности", "вынужден отказ", "вынуждена отказ", "я отказываюсь",
        "я не буду", "не смогу помочь",
    ),
    "ar": (
        "لا أستطيع", "لا استطيع", "لا يمكنني", "لا أقدر", "لن أستطيع", "لن أتمكن", "لا أتمكن", "أنا غير قادر على",
        "لست قادرا", "أرفض", "أعتذر عن",
    ),
    "hi": (
        "मदद नहीं कर सकत", "सहायता नहीं कर सकत", "नहीं दे सकत", "प्रदान नहीं कर सकत", "उत्तर नहीं दे सकत",
        "नहीं बता सकत", "मैं असमर्थ", "में असमर्थ", "पूरा नहीं कर सकत", "मैं यह नहीं कर सकत", "मैं ऐसा नहीं कर सकत",
    ),
    "pl": (
        "nie mogę pomóc", "nie mogę ci pomóc", "nie mogę ci w tym pomóc", "nie mogę w tym pomóc", "nie mogę tego",
        "nie mogę spełnić", "nie mogę udzielić", "nie mogę odpowiedzieć", "nie mogę podać", "nie mogę dostarczyć",
        "nie mogę napisać", "nie mogę stworzyć", "nie mogę wygenerować", "nie mogę zrealizować",
        "nie mogę uczestniczyć", "nie pomogę", "nie jestem w stanie", "nie będę w stanie", "przykro mi, ale nie",
        "przepraszam, ale nie", "niestety nie mogę", "niestety, nie mogę", "muszę odmówić", "odmawiam",
    ),
    "nl": (
        "ik kan niet helpen", "ik kan je niet", "ik kan u niet", "ik kan je daar niet", "ik kan u daar niet",
        "ik kan je hier niet", "ik kan u hier niet", "ik kan je hiermee niet", "ik kan u hiermee niet",
        "ik kan je daarmee niet", "ik kan u daarmee niet", "ik kan daar niet", "ik kan hier niet",
        "ik kan hiermee niet", "ik kan daarmee niet", "ik kan dat niet", "ik kan dit niet", "ik kan deze vraag niet",
        "ik kan dit verzoek niet", "ik kan dat verzoek niet", "ik kan niet voldoen", "ik kan geen",
        "kan ik niet helpen", "kan ik je niet", "kan ik u niet", "kan ik niet aan voldoen", "kan ik niet bij helpen",
        "kan ik niet mee helpen", "kan ik je daar niet", "kan ik u daar niet", "kan ik je hier niet",
        "kan ik u hier niet", "kan ik je hiermee niet", "kan ik u hiermee niet", "kan ik helaas niet",
        "ik kan helaas niet", "ik kan helaas geen", "ik kan je helaas niet", "ik kan u helaas niet",
        "ik kan je daar helaas niet", "ik kan u daar helaas niet", "ik kan je hier helaas niet",
        "ik kan u hier helaas niet", "helaas kan ik niet", "helaas kan ik geen", "ik ben niet in staat", "ik mag niet",
        "ik mag geen", "ik moet weigeren", "ik weiger",
    ),
    "tr": (
        "yardımcı olamam", "yardımcı olamıyorum", "yardımcı olamayacağım", "yardım edemem", "yardım edemiyorum",
        "yardım edemeyeceğim", "yapamam", "yapamıyorum", "sağlayamam", "sağlayamıyorum", "veremem", "veremiyorum",
        "yanıtlayamam", "yanıtlayamıyorum", "cevaplayamam", "cevaplayamıyorum", "yerine getiremem",
        "yerine getiremiyorum", "paylaşamam", "oluşturamam", "oluşturamıyorum", "yazamam", "üretemem", "sunamam",
        "anlatamam", "açıklayamam", "tartışamam", "destekleyemem", "reddediyorum", "reddetmek zorundayım",
    ),
    "vi": (
        "tôi không thể", "tôi sẽ không", "tôi không được phép", "tôi không có khả năng", "xin lỗi, nhưng tôi không",
        "xin lỗi nhưng tôi không", "xin lỗi, tôi không", "tôi rất tiếc, nhưng", "tôi từ chối", "tôi xin từ chối",
        "tôi phải từ chối", "mình không thể giúp", "em không thể giúp", "không thể giúp bạn", "không thể hỗ trợ bạn",
        "không thể cung cấp", "không thể đáp ứng yêu cầu", "không thể thực hiện yêu cầu",
    ),
}  # fmt: skip
"""Phrases by language."""

UNSPACED = frozenset({"zh", "ja"})
"""Languages that put no blanks between words."""

HELP = (
    "sin embargo, puedo", "pero puedo", "aquí tienes", "aquí está", "voici", "cependant, je peux", "hier ist",
    "hier sind", "aber ich kann", "no entanto, posso", "aqui está", "aqui estão", "ecco", "tuttavia, posso",
    "mogę jednak", "oto kilka", "maar ik kan wel", "maar ik kan je wel", "maar ik kan u wel", "hier zijn",
    "ancak size", "tuy nhiên, tôi có thể", "dưới đây là", "以下是", "以下は", "다음은", "однако вот", "вот несколько",
    "إليك", "यहाँ कुछ",
)  # fmt: skip
"""Phrases with which help begins."""


def _phrases(languages: Iterable[str]) -> list[str]:
    return [one for language in languages for one in REFUSALS[language]]


def _pattern(found: Iterable[str], *, spaced: bool) -> re.Pattern[str]:
    """Match these phrases, the shorter first where two start at one place.

    Phrases are grouped by their first letter, so that the regular expression engine can skip to one; whether a word
    starts there is looked up afterwards.
    """
    phrases = sorted(found, key=lambda one: (len(one), one))
    groups = []
    for first in sorted({one[0] for one in phrases}):
        before = rf"(?<![^\W_]{first})" if spaced else ""
        rests = "|".join(re.escape(one[1:]) for one in phrases if one[0] == first)
        groups.append(f"{first}{before}(?:{rests})")
    return re.compile("|".join(groups))


_SPACED = _pattern(_phrases(REFUSALS.keys() - UNSPACED), spaced=True)
_UNSPACED = _pattern(_phrases(REFUSALS.keys() & UNSPACED), spaced=False)
# Most texts are plain English: few of the phrases can stand in them.
_PLAIN = _pattern(filter(str.isascii, _phrases(REFUSALS.keys() - UNSPACED)), spaced=True)


def find_refusal(text: str) -> tuple[int, int] | None:
    """Return where the first phrase of a refusal stands in a lower-case text.

    In languages that put blanks between words, a phrase starts where a word starts.
    """
    matches = (pattern.search(text) for pattern in ((_PLAIN,) if text.isascii() else (_SPACED, _UNSPACED)))
    return min((match.span() for match in matches if match), default=None)
