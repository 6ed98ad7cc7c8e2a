"""What mail programs, phones, copiers and legal departments write around a sender's words (M11).

The tables are data: a phrase that is missing leaves a line too many, a phrase that is too wide
takes a sender's own words, which is worse. So each asks for what no person writes by chance: a
time of day, an address, a maker's name, four marks of a disclaimer. Every pattern is matched
against a line or paragraph of bounded length.
"""

import re

LONGEST = 600
"""Characters of a line or paragraph that are looked at."""

_ANY_CASE = re.IGNORECASE


def _words(*alternatives: str) -> str:
    return "(?:" + "|".join(alternatives) + ")"


# Quoted history

_OPENER = re.compile(r"(?:on|am|le|el|il|em|op|den)\b", _ANY_CASE)
_WROTE = re.compile(
    r"\b(?:wrote|writes|schrieb|geschrieben|a [ée]crit|[ée]crit|escribi[óo]|ha scritto|escreveu|"
    r"schreef)\b",
    _ANY_CASE,
)
_TIME = re.compile(r"\b[0-9]{1,2}[:.h][0-9]{2}\b", _ANY_CASE)
_DATED = re.compile(r"[0-9]{4}[-/][0-9]")
_MARKER = re.compile(
    r"[-_=* ]{2,}+"
    + _words(
        r"original[- ](?:message|appointment)",
        r"urspr\S{1,3}ngliche(?:r|s)? (?:nachricht|mail|e-mail|message|termin)",
        "originalnachricht",
        r"message d[’']origine",
        "message original",
        "mensaje original",
        "messaggio originale",
        "mensagem original",
        "oorspronkelijk bericht",
        r"forwarded (?:message|mail|by .{1,200})",
        r"weitergeleitete?(?:s)? (?:nachricht|mail|e-mail|message|von .{1,200})",
        r"message (?:transf[ée]r[ée]|r[ée]exp[ée]di[ée])",
        r"(?:mensaje )?reenviado(?: por .{1,200})?",
        r"messaggio (?:inoltrato|originale)",
        "mensagem encaminhada",
        "doorgestuurd bericht",
        r".{1,200} (?:wrote|schrieb|a [ée]crit|escribi[óo]|ha scritto) ?:",
    )
    + r" ?[-_=*: ]{2,}",
    _ANY_CASE,
)
_BEGINS = re.compile(
    _words(
        "begin forwarded message",
        "anfang der weitergeleiteten (?:nachricht|e-mail)",
        r"d[ée]but du message (?:transf[ée]r[ée]|r[ée]exp[ée]di[ée])",
        "inicio del mensaje reenviado",
        "inizio messaggio inoltrato",
        r"inactive hide details for .{1,300}",
        r"ausblenden von details f.r .{1,300}",
    )
    + " ?:?",
    _ANY_CASE,
)
_FIELD = re.compile(r"\*?([\w’' -]{1,24}?)\*? ?:\*?(?:\s|$)(.*)")
_FIELD_KINDS = {
    name: kind
    for kind, names in {
        "from": "from von de da van expéditeur absender remitente mittente",
        "sent": "sent gesendet envoyé enviado inviato verzonden envoyé_le enviado_el gesendet_am",
        "date": "date datum fecha data",
        "to": "to an à a para aan pour per",
        "subject": "subject betreff objet asunto oggetto assunto onderwerp thema re",
        "other": "cc kopie copie cci bcc bc reply-to antwort_an répondre_à responder_a importance "
        "wichtigkeit priorität attachments anlagen anhänge gesendet_von sent_by",
    }.items()
    for name in (word.replace("_", " ") for word in names.split())
}
_NOTES_NAME = re.compile(r"\S/\w")


def opens_attribution(line: str) -> bool:
    """Whether a line may begin what stands above a quotation: ``On …``, ``Am …``."""
    return _OPENER.match(line) is not None


def announces_quotation(text: str) -> bool:
    """Whether a line says that somebody wrote what follows: ``Bob wrote:``."""
    if len(text) > LONGEST:
        return False
    if text.endswith(":"):
        return _WROTE.search(text) is not None
    return text.endswith(">") and "@" in text and _DATED.match(text) is not None


def dates_quotation(text: str) -> bool:
    """Whether it says so as programs do: beginning with the day, with a time or an address."""
    is_ours = opens_attribution(text) and announces_quotation(text)
    return is_ours and (_TIME.search(text) is not None or "@" in text)


def marks_history(line: str) -> bool:
    """Whether a line of dashes and words stands above a forwarded or answered mail."""
    short = len(line) <= LONGEST
    return short and bool(_MARKER.fullmatch(line) or _BEGINS.fullmatch(line))


def header_field(line: str) -> tuple[str, str] | None:
    """(kind, value) of a line that shows a header field in one of six languages.

    The kind is ``from``, ``sent``, ``date``, ``to``, ``subject`` or ``other``.
    """
    found = _FIELD.fullmatch(line[:LONGEST])
    kind = _FIELD_KINDS.get(found[1].strip().lower()) if found else None
    return (kind, found[2].strip()) if found and kind else None


def is_mail_header(fields: dict[str, str]) -> bool:
    """Whether header lines are a program's: a person writes From and To, but no time of day.

    Args:
        fields: value by kind, as `header_field` gives them.
    """
    if "from" not in fields or not {"to", "subject"} & fields.keys():
        return False
    if "sent" in fields:
        return _TIME.search(fields["sent"]) is not None
    if _TIME.search(fields.get("date", "")) is None:
        return False
    return any("@" in value for value in fields.values()) or bool(
        _NOTES_NAME.search(fields["from"])
    )


# Phones and programs

_DEVICE = _words(
    "iphone", "ipad", "ipod", "apple watch", "android", "samsung", "galaxy", "huawei", "xiaomi",
    "redmi", "oneplus", "nokia", "htc", "sony", "xperia", "motorola", "fairphone", "blackberry",
    "smartphone", "handy", "mobiltelefon", "mobilgerät", "mobile", "téléphone", "portable",
    "teléfono", "móvil", "celular", "cellulare", "windows", "mail for windows",
    "mail für windows", "courrier pour windows", "correo para windows", "posta per windows",
    "outlook", "yahoo!?(?: mail)?", "aol", "gmx", r"web\.de", "k-9", "proton ?mail", "tutanota",
    "tuta", "thunderbird", "t-online", "freenet", "bluemail", "mailbird", "spark", "mail app",
)  # fmt: skip
_MY = r"(?:(?:my|a|an|the|mein|meinem|meiner|einem|der|dem|mon|ma|un|mi|il mio|mio) |l[’'])?"
_TAIL = (
    r"(?:[ ,(<]{1,2}+"
    + _words(
        r"https?://\S{1,200}", r"\S{0,12}[0-9]\S{0,12}", "phone", "device", "tablet", "smartphone",
        "handheld", "mobile", "telefon", "gerät", "téléphone", "mail", "e-?mail", "app", "ios",
        "android", "windows", "mac", "plus", "pro", "max", "mini", "ultra", "lte", "network",
        "wireless", "for", "für", "pour", "para", "per", "using", "with", "mit", "via", "avec",
        "con", "von", "on", "outlook", "samsung", "galaxy", "note", "k-9", "herunter", "herunterladen", "swisscom",
        "from", "verizon", "t-mobile", "at&t", "vodafone", "orange", "sunrise", "o2", "telekom",
    )
    + r"[)>]?(?![\w-])){0,9}+[.!]?"
)  # fmt: skip
_FEW = r"(?: [\w.&-]{1,20}){0,4}?"
_FROM_DEVICE = tuple(
    re.compile(pattern, _ANY_CASE)
    for pattern in (
        rf"(?:sent|written) (?:from|with|via|by|using|on) {_MY}{_DEVICE}{_TAIL}",
        rf"(?:gesendet|verschickt|versendet|geschrieben) (?:von|mit|aus|über|via) {_MY}{_DEVICE}{_TAIL}",
        rf"(?:diese (?:nachricht|e-?mail|mail) wurde )?(?:von|mit|aus|vom) {_MY}{_DEVICE}{_FEW}"
        r" (?:gesendet|geschickt|verschickt|versendet|geschrieben)\.?",
        rf"envoy[ée] (?:de|depuis|[àa] partir de|avec|par|[àa] partir d[’']?) ?{_MY}{_DEVICE}{_TAIL}",
        rf"(?:enviado|mandado) (?:desde|con|de|por) {_MY}{_DEVICE}{_TAIL}",
        rf"inviato (?:da|dal|con|tramite) {_MY}{_DEVICE}{_TAIL}",
        rf"(?:get|download) outlook for \w+{_TAIL}",
        rf"outlook für \w+{_TAIL}",
        rf"(?:holen sie sich|laden sie|beziehen sie) outlook für \w+{_TAIL}",
        rf"(?:t[ée]l[ée]charge[rz]|obtene[rz]|obtenir|descarga|descargar|scarica|ottieni) outlook "
        rf"(?:pour|para|per) \w+{_TAIL}",
        r"please excuse my brevity\.?",
        r"bitte entschuldigen sie (?:die|meine) kürze\.?",
        r"sent with proton ?mail secure e-?mail\.?",
        r"\W{0,4}(?:please )?(?:consider|think (?:of|about)) (?:the|your) environment before .{1,120}",
        r"\W{0,4}bitte .{1,40}\bumwelt,? bevor sie diese .{1,60}",
        r"\W{0,4}(?:merci de )?pense[rz] à l[’']environnement avant d[’']imprimer.{0,80}",
        r"\W{0,4}piense en el medio ?ambiente antes de imprimir.{0,80}",
        r"(?:virus-free|virenfrei|sans virus|libre de virus)\. ?www\.\S{1,60}",
        r"this e-?mail has been (?:checked|scanned) for viruses by .{1,80}",
        r"diese e-?mail wurde (?:von .{1,60} )?auf viren geprüft.{0,80}",
    )
)


def is_from_device(line: str) -> bool:
    """Whether a phone or program wrote the line below every mail."""
    return len(line) <= LONGEST and any(one.fullmatch(line) for one in _FROM_DEVICE)


# Copiers

_MAKER = _words(
    "xerox", "workcent(?:re|er)", "versalink", "altalink", "canon", "imagerunner", "i-?sensys",
    "ricoh", "aficio", "konica", "minolta", "bizhub", r"km_\w+", "kyocera", "taskalfa", "ecosys",
    r"toshiba\w*", r"e-?studio\w*", r"hp\b", "hewlett.packard", "laserjet", "officejet",
    "brother", r"mfc-\w+", r"dcp-\w+", "epson", r"sharp\b", r"mx-\w+", r"bp-\w+", "lexmark",
    "samsung", r"oki\b", "lanier", "savin", "develop", r"ineo\b", "utax", "triumph-adler",
    "fuji ?(?:film|xerox)", r"mfp\w*", r"multi-?function (?:device|printer)",
    r"multifunktionsger[äa]t",
)  # fmt: skip
_A = r"(?:(?:an?|the|my|our|einem|dem|un|une|el|il) )?"
_COPIER_LINES = tuple(
    re.compile(pattern, _ANY_CASE)
    for pattern in (
        rf"scann?ed (?:from|by|with|using|on) {_A}{_MAKER}[^.,;!?]{{0,60}}\.?",
        rf"(?:ein)?gescannt (?:von|mit|auf) {_A}{_MAKER}[^.,;!?]{{0,60}}\.?",
        rf"num[ée]ris[ée] (?:par|avec|sur|depuis|[àa] partir d[’'e]) ?{_A}{_MAKER}[^.,;!?]{{0,60}}\.?",
        rf"escaneado (?:con|desde|por|en) {_A}{_MAKER}[^.,;!?]{{0,60}}\.?",
        rf"scansionato (?:con|da|dal) {_A}{_MAKER}[^.,;!?]{{0,60}}\.?",
        r"please open the attached (?:document|file)\. (?:it|this (?:document|file)) was "
        r"(?:\w+ ){0,4}(?:sent|scanned) .{1,200}",
        rf"this (?:document|file) was (?:\w+ ){{0,4}}sent to you using {_A}{_MAKER}.{{0,80}}",
        rf"this file was sent (?:to )?you by {_A}{_MAKER}.{{0,80}}",
        r"if you can ?not read this file, .{1,200}",
        r"(?:to view this document you need to )?use (?:the )?(?:acrobat|adobe).{0,200}",
        r"(?:acrobat|adobe).{0,20}reader.{0,20} can be downloaded from .{0,100}",
        r"adobe, the adobe logo, .{0,400}",
        r"this e-?mail was sent from [\"“].{1,60}[\"”] \(.{1,60}\)\.?",
        r"diese e-?mail wurde von [\"“„].{1,60}[\"”] \(?.{0,60}\)? ?gesendet\.?",
        r"cet e-?mail a [ée]t[ée] envoy[ée] (?:de|depuis|par) [\"“«].{1,60}[\"”»] \(.{1,60}\)\.?",
        rf"this (?:e-?mail|message) was sent (?:from|by) {_A}{_MAKER}.{{0,80}}",
        r"(?:scan date|scandatum|date de num[ée]risation) ?: ?[0-9].{0,60}",
        r"(?:queries to|r.ckfragen an|questions [àa]) ?: ?.{0,200}",
        r"attached file is scanned image in .{1,40}",
        r"image data has been attached to (?:the )?e-?mail\.?",
        r"attached image\.?",
        r"number of images ?: ?[0-9]+",
        r"attachment file type ?: ?.{1,60}",
        r"(?:multifunction printer|device) (?:name|model|location) ?:.{0,200}",
        r"file format ?: ?(?:compact )?(?:pdf|tiff?|jpe?g|xps|ooxml)\b.{0,40}",
        r"resolution ?: ?[0-9]+ ?(?:dpi)? ?x ?[0-9]+ ?dpi",
        rf"for more information on {_MAKER} products .{{0,120}}",
        r"(?:taskalfa|ecosys|fs-)[ \w-]{1,30}",
        r"\[(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\]",
        r"https?://(?:www\.)?(?:adobe|xerox)\.com/?",
    )
)
_COPIER_FIELD = re.compile(
    r"(?:reply to|location|date|time|pages|file type|serial number|ip address|model|name) ?:.{0,200}"
    r"|-{3,}",
    _ANY_CASE,
)


def is_from_copier(text: str) -> bool:
    """Whether a line, or the lines of a paragraph joined, are a copier's own words."""
    return len(text) <= LONGEST and any(one.fullmatch(text) for one in _COPIER_LINES)


def may_be_copier_field(line: str) -> bool:
    """Whether a line beside a copier's words is one of them: a date, a count, a rule of dashes."""
    return len(line) <= LONGEST and _COPIER_FIELD.fullmatch(line) is not None


# Disclaimers

_SHORTEST_DISCLAIMER = 60
_ENOUGH_MARKS = 4
_LEGAL_HEADING = re.compile(
    r"[-*_ ]*(?:legal )?(?:confidentiality(?: notice| note)?|disclaimer|vertraulichkeitshinweis|"
    r"rechtlicher hinweis|haftungsausschluss|avis de confidentialit[ée]|"
    r"(?:aviso|nota|cl[áa]usula) (?:de confidencialidad|legal)|avviso di riservatezza|"
    r"avvertenza)[-*_ ]*[:.]?[-*_ ]*",
    _ANY_CASE,
)
_LEGAL_STEM = re.compile(
    r"confiden|vertraulich|privileg|recipient|empf.nger|adressat|destinatai?r|prohibi|interdi|"
    r"riservat|virus|environment|umwelt|liability|haftung",
    _ANY_CASE,
)
_LEGAL_MARKS = tuple(
    re.compile(pattern, _ANY_CASE)
    for pattern in (
        # English
        r"\bthis (?:e-?mail|message|communication|transmission)\b.{0,60}\b(?:is|are|may|contains?)\b",
        r"\bconfidential\b",
        r"\bprivileged\b",
        r"\b(?:intended|named|designated) (?:recipient|addressee)",
        r"\bintended (?:only|solely|exclusively)\b|\b(?:solely|exclusively) for the\b",
        r"\b(?:received|sent to you|reached you)\b.{0,80}\b(?:in|by) (?:error|mistake)\b",
        r"\b(?:strictly )?prohibited\b|\bunauthori[sz]ed\b",
        r"\b(?:disclosure|dissemination|distribution|copying)\b",
        r"\bnotify (?:us|the sender)\b|\bdelete (?:it|this|the)\b",
        r"\bvirus(?:es)?\b",
        r"\b(?:accepts? no|not accept any|no) (?:liability|responsibility)\b",
        r"\bconsider the environment\b",
        r"\bbefore printing\b",
        # German
        r"\bdiese (?:e-?mail|nachricht|mitteilung)\b.{0,80}\b(?:ist|sind|enthält|kann)\b",
        r"\bvertraulich",
        r"\brechtlich geschützt|\bgesetzlich geschützt",
        r"\b(?:richtig|vorgesehen|beabsichtigt|bestimmungsgemäß|angegeben)\w* (?:adressat|empfänger)",
        r"\bausschließlich für\b|\bausschliesslich für\b",
        r"\birrtümlich|\bversehentlich",
        r"\b(?:informieren|benachrichtigen|verständigen) sie\b",
        r"\b(?:vernichten|löschen) sie\b",
        r"\bunbefugt|\bunerlaubt|\bnicht gestattet|\buntersagt",
        r"\bweitergabe|\bkopieren\b|\bvervielfältig",
        r"\bhaftung\b",
        r"\bumwelt\b|\bbevor sie diese .{1,20} (?:aus)?drucken",
        # French
        r"\b(?:ce|le présent) (?:message|courriel|e-?mail|courrier)\b",
        r"\bconfidentiel",
        r"\bdestinataire",
        r"\b(?:usage|exclusi\w+|uniquement|seule?) .{0,30}(?:destin|intention|adress)",
        r"\bpar erreur\b",
        r"\b(?:avertir|aviser|informer|prévenir) .{0,20}(?:expéditeur|immédiatement|émetteur)",
        r"\b(?:détruire|supprimer|effacer)\b",
        r"\b(?:utilisation|diffusion|divulgation|reproduction|publication)\b",
        r"\b(?:strictement )?interdite?s?\b|\bnon autorisée",
        # Spanish
        r"\beste (?:mensaje|correo|e-?mail)\b",
        r"\bconfidencial",
        r"\bdestinatario",
        r"\bpor error\b",
        r"\b(?:notif|comuni|inform)\w{2,10}.{0,40}\b(?:remitente|inmediat|de inmediato)",
        r"\b(?:elimin|borr|destruy)\w{1,8}\b",
        r"\bprohibid",
        r"\b(?:divulgación|difusión|distribución|reproducción|copia)\b",
        # Italian
        r"\bquesto (?:messaggio|e-?mail)\b|\bquesta e-?mail\b",
        r"\briservat|\bconfidenzial",
        r"\bper errore\b",
        r"\bvietat|\bproibit",
        r"\b(?:distrugg|cancell|elimin)\w{2,8}\b",
    )
)


def is_legal_heading(text: str) -> bool:
    """Whether a paragraph is only the heading of a disclaimer."""
    return len(text) <= LONGEST and _LEGAL_HEADING.fullmatch(text) is not None


def is_disclaimer(text: str) -> bool:
    """Whether a paragraph is a legal notice: four marks of one, in any of five languages.

    A sender's own "this is confidential, hand it to Dr Meier only" has one, seldom three.
    """
    seen = text[: 4 * LONGEST]
    if len(seen) < _SHORTEST_DISCLAIMER or not _LEGAL_STEM.search(seen):
        return False
    return sum(mark.search(seen) is not None for mark in _LEGAL_MARKS) >= _ENOUGH_MARKS


def marks_disclaimer(line: str) -> bool:
    """Whether a line of a legal notice bears one of its marks, so that it may be the first."""
    return any(mark.search(line[:LONGEST]) for mark in _LEGAL_MARKS)
