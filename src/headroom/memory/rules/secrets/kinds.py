"""The table of secrets that are known by their form, each with the page that documents it.

The checksums that GitHub and Grafana put into their tokens are not asked for: the tokens that their own documentation
shows do not have valid ones, and the prefixes are unmistakable. Cards and IBANs are only digits: their check digits
decide.

Every pattern takes time linear in the text: repetitions are bounded, or begin where a run of the same characters
begins.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .checksums import iban_length, is_card_number, is_iban
from .passwords import KEY, PASSWORD, PIN, key_span, password_span

Span = tuple[int, int]


def _named(match: re.Match[str]) -> Span | None:
    """Take the group `secret` if the pattern has one, else the whole match."""
    return match.span("secret" if "secret" in match.re.groupindex else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of secret."""

    name: str
    """As it stands in the placeholder."""
    needles: tuple[str, ...]
    """A text without any of these, in lower case, holds no such secret: looked for before the pattern is tried."""
    pattern: re.Pattern[str]
    span: Callable[[re.Match[str]], Span | None] = _named
    """Where the secret is in a match; None if a closer look finds none."""


def _token(name: str, needles: str, pattern: str) -> Kind:
    """A token with a prefix: it begins where a word begins."""
    return Kind(name=name, needles=tuple(needles.split()), pattern=re.compile(rf"(?<![A-Za-z0-9_-])(?:{pattern})"))


def _mixed(match: re.Match[str]) -> Span | None:
    """Return the span of a key; None for words joined by hyphens, without digits and capitals after the prefix."""
    body = match.group().partition("-")[2]
    digits = sum(char.isdigit() for char in body)
    return match.span() if digits >= 2 and (body != body.lower() or body.isalnum()) else None


def _with_digits(match: re.Match[str]) -> Span | None:
    """Return the span of a token; None for a stand-in such as "xoxb-your-token" or "Bearer valid_token"."""
    return match.span() if any(char.isdigit() for char in match["secret"]) else None


def _credentials(match: re.Match[str]) -> Span | None:
    """The same for a header, of which the scheme stays."""
    found = match["secret"]
    mixed = found != found.lower() and found != found.upper() and "your" not in found.lower()
    return match.span("secret") if mixed or any(char.isdigit() for char in found) else None


_ORDER = re.compile(
    r"(?i)\b(?:order|invoice|tracking|parcel|shipment|ticket|booking|reference|ref|case|imei|isbn|ean|serial|customer"
    r"|bestellung|bestellnummer|auftragsnummer|sendungsnummer)s?"
    r"[ -]?(?:no\.?|number|num|id|code|#|nr\.?)?\s?(?:is|was)?\s?[:#]?\s?$"
)


def _card(match: re.Match[str]) -> Span | None:
    """A card number has its check digit, and does not stand behind "order number"."""
    before = match.string[max(0, match.start() - 40) : match.start()]
    return match.span() if is_card_number(match.group()) and not _ORDER.search(before) else None


def _iban(match: re.Match[str]) -> Span | None:
    """Cut the match to the country's length: words may follow the number."""
    length, text = iban_length(match.group()), match.group()
    places = [place for place, char in enumerate(text) if char.isalnum()]
    if length is None or len(places) < length:
        return None
    end = match.start() + places[length - 1] + 1
    goes_on = match.string[end : end + 1].isalnum()
    return (match.start(), end) if not goes_on and is_iban(match.string[match.start() : end]) else None


def _aws(match: re.Match[str]) -> Span | None:
    """A secret access key has digits, capitals and small letters; a hash has no capitals."""
    secret = match["secret"]
    mixed = secret != secret.lower() and secret != secret.upper() and any(char.isdigit() for char in secret)
    return match.span("secret") if mixed else None


def _login(match: re.Match[str]) -> Span | None:
    """The password of a connection string, unless a variable stands in its place."""
    stands_for = re.match(r"[$%]?\{|\$|<|\[|\*{3}|%[sd]$|\.\.\.|x{3,}$", match["secret"])
    return None if stands_for else match.span("secret")


KINDS: tuple[Kind, ...] = (
    # RFC 7468 (PEM), RFC 9580 (OpenPGP), PuTTY manual C.1, age specification v1.
    Kind(
        name="private-key",
        needles=("private key", "putty-user-key-file", "age-secret-key-"),
        pattern=re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?=[\s\S]{0,300}?[A-Za-z0-9+/]{24})"
            r"(?:[\s\S]*?-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s\\:,.-]*)"
            r"|PuTTY-User-Key-File-[0-9]:(?:[\s\S]*?Private-MAC: ?[0-9a-fA-F]{40,64}|[\s\S]*)"
            r"|(?i:AGE-SECRET-KEY-(?:PQ-)?1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58,80})"
        ),
    ),
    # docs.github.com, "GitHub's token formats"; tokens may grow to 255 characters.
    _token(
        "github-token", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", r"gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_\w{36,244}"
    ),
    # docs.gitlab.com, "Token overview", token prefixes.
    _token(
        "gitlab-token",
        "glpat- gloas- gldt- glrt- glrtr- glcbt- glptt- glft- glimt- glagent- glwt- glsoat- glffct-",
        r"gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct)-[A-Za-z0-9_-]{20,300}(?:\.[0-9a-z]{2,10}){0,2}",
    ),
    # docs.aws.amazon.com, IAM identifiers: unique ID prefixes; a secret access key is 40 characters of base64.
    Kind(
        name="aws-secret-key",
        needles=("secret", "akia", "asia"),
        pattern=re.compile(
            r"(?:(?i:secret[ _-]?(?:access[ _-]?)?key)|(?:AKIA|ASIA)[A-Z0-9]{16})[^\n]{0,40}?"
            r"(?<![A-Za-z0-9/+])(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
        ),
        span=_aws,
    ),
    _token("aws-access-key", "akia asia abia acca", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    # cloud.google.com API keys, OAuth client secrets, access and refresh tokens.
    _token(
        "google-key",
        "aiza gocspx- ya29. 1//0",
        r"AIza[A-Za-z0-9_-]{30,39}|GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{20,2048}|1//0[A-Za-z0-9_-]{30,512}",
    ),
    # learn.microsoft.com: storage and Cosmos DB connection strings, shared access signatures, Entra client secrets.
    Kind(
        name="azure-key",
        needles=("accountkey=", "accesskey=", "sig=", "q~"),
        pattern=re.compile(
            r"(?i:AccountKey|SharedAccessKey)\s?=\s?(?P<secret>[A-Za-z0-9+/]{40,128}={0,2})"
            r"|(?<=[?&;]sig=)[A-Za-z0-9%+/_-]{40,128}={0,2}"
            r"|(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}"
        ),
        span=lambda match: match.span("secret") if match["secret"] else match.span(),
    ),
    # api.slack.com, "Tokens" and "Incoming webhooks"; ids of the team and the app are numbers in them.
    Kind(
        name="slack-token",
        needles=("xox", "xapp-"),
        pattern=re.compile(
            r"(?<![A-Za-z0-9_-])(?:xox[abeoprs](?:\.xox[bp])?|xapp-[0-9])-(?P<secret>[A-Za-z0-9-]{10,400})"
        ),
        span=_with_digits,
    ),
    Kind(
        name="webhook-url",
        needles=("hooks.slack.com/", "/api/webhooks/"),
        pattern=re.compile(
            r"hooks\.slack\.com/(?P<secret>(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,200})"
            # discord.com/developers, "Webhook resource"
            r"|discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{60,130}"
        ),
        span=lambda match: match.span("secret") if match["secret"] else match.span(),
    ),
    # docs.stripe.com/keys; standardwebhooks.com (Stripe, Svix, Replicate, OpenAI).
    _token("stripe-key", "k_live_ k_test_", r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,247}"),
    _token("webhook-secret", "whsec_", r"whsec_[A-Za-z0-9+/]{24,128}={0,2}"),
    # docs.anthropic.com and platform.openai.com, API keys; openrouter.ai/docs.
    _token("anthropic-key", "sk-ant-", r"sk-ant-[a-z]{3,10}[0-9]{2}-[A-Za-z0-9_-]{20,200}"),
    Kind(
        name="openai-key",
        needles=("sk-",),
        pattern=re.compile(r"(?<![A-Za-z0-9_-])sk-[A-Za-z0-9_-]{20,300}"),
        span=_mixed,
    ),
    # Makers of models: huggingface.co/docs/hub/security-tokens, console.groq.com, docs.x.ai, replicate.com/docs.
    _token(
        "model-key",
        "hf_ gsk_ xai- r8_ pplx-",
        r"hf_[A-Za-z0-9]{30,60}|gsk_[A-Za-z0-9]{40,80}|xai-[A-Za-z0-9]{60,100}|r8_[A-Za-z0-9]{37}|pplx-[A-Za-z0-9]{40,60}",
    ),
    # docs.sendgrid.com, documentation.mailgun.com, mailchimp.com/developer.
    _token("sendgrid-key", "sg.", r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}"),
    _token("mail-key", "key- -us", r"key-[0-9a-z]{32}(?![0-9a-z])|[0-9a-f]{31,32}-us[0-9]{1,2}(?![0-9a-z])"),
    # core.telegram.org/bots/api#authorizing-your-bot, discord.com/developers/docs/reference#authentication.
    _token("telegram-token", ":", r"(?:bot)?[0-9]{6,10}:[A-Za-z0-9_-]{34,36}(?![A-Za-z0-9_-])"),
    _token("discord-token", ".", r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}"),
    # Package registries, by the documentation of npm, PyPI, RubyGems and Docker Hub on their access tokens.
    _token(
        "registry-token",
        "npm_ pypi-ag rubygems_ dckr_",
        r"npm_[A-Za-z0-9]{36}|pypi-Ag[A-Za-z0-9_-]{50,500}|rubygems_[0-9a-f]{48}|dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,64}",
    ),
    # Hosts and platforms: docs.digitalocean.com, docs.databricks.com, devcenter.heroku.com, fly.io, supabase.com,
    # planetscale.com, developer.hashicorp.com (Vault tokens, HCP Terraform), doppler.com, tailscale.com.
    _token(
        "platform-token",
        "o_v1_ or_v1_ op_v1_ dapi hrku- sbp_ sb_secret_ pscale_ hvs. hvb. hvr. .atlasv1. dp. tskey-",
        r"do[opr]_v1_[0-9a-f]{64}|dapi[0-9a-f]{32,36}(?:-[0-9])?(?![A-Za-z0-9])|HRKU-AA[A-Za-z0-9_-]{58}|sbp_[0-9a-f]{40}"
        r"|sb_secret_[A-Za-z0-9_-]{20,64}|pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,64}"
        r"|hv[sbr]\.[A-Za-z0-9_-]{24,400}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,70}"
        r"|dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{40,64}|tskey-[a-z]{3,10}-[A-Za-z0-9]{6,20}-[A-Za-z0-9]{20,64}",
    ),
    # Observability and tools: grafana.com, docs.newrelic.com, docs.sentry.io, linear.app, developers.notion.com,
    # figma.com, airtable.com, postman.com, id.atlassian.com.
    _token(
        "service-token",
        "glsa_ glc_ nrak- sntry lin_ ntn_ secret_ figd_ pat pmak- atatt3 ops_eyj",
        r"glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}|glc_[A-Za-z0-9+/]{32,400}={0,2}|NRAK-[A-Z0-9]{27}"
        r"|sntry[su]_[A-Za-z0-9+/=_]{40,400}|lin_(?:api|oauth)_[A-Za-z0-9]{32,64}|ntn_[A-Za-z0-9]{40,50}"
        r"|secret_[A-Za-z0-9]{43}(?![A-Za-z0-9])|figd_[A-Za-z0-9_-]{40}|pat[A-Za-z0-9]{14}\.[0-9a-f]{64}"
        r"|PMAK-[0-9a-f]{24}-[0-9a-f]{34}|ATATT3[A-Za-z0-9_=-]{50,400}|ops_eyJ[A-Za-z0-9+/=_-]{100,2000}",
    ),
    # Shops, payments and social: shopify.dev, developer.squareup.com, dropbox.com/developers, twilio.com/docs,
    # developer.x.com (an app's bearer token).
    _token(
        "app-token",
        "shp eaa sq0 sl. sk aaaaaaaaaaaaaaaaaaaa",
        r"shp(?:at|ca|pa|ss|tka)_[0-9a-fA-F]{32}|EAAA[A-Za-z0-9_-]{56,60}(?![A-Za-z0-9_-])|sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}"
        r"|sl\.(?:u\.)?[A-Za-z0-9_-]{100,2000}|SK[0-9a-f]{32}(?![0-9A-Za-z])|A{20,24}[A-Za-z0-9]{2,16}A{0,8}[A-Za-z0-9%]{60,200}",
    ),
    # RFC 7519: header and claims are JSON objects, so both begin with "eyJ".
    _token("jwt", "eyj", r"eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{16,2000}"),
    # RFC 7617 and RFC 6750.
    Kind(
        name="authorization",
        needles=("authorization",),
        pattern=re.compile(
            r"(?i)authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:basic|bearer|token|bot|ssws)\s{1,4}"
            r"(?P<secret>[A-Za-z0-9._~+/-]{8,2000}={0,2})"
        ),
        span=_credentials,
    ),
    # Key URI format of Google Authenticator.
    Kind(
        name="otp-secret",
        needles=("otpauth://",),
        pattern=re.compile(r"(?i)otpauth://[a-z]{4}/[^\s?]{0,200}\?[^\s]{0,200}?secret=(?P<secret>[A-Z2-7]{8,128})"),
    ),
    # RFC 3986 3.2.1, and the connection strings of PostgreSQL, MongoDB, MySQL, Redis, RabbitMQ and SQLAlchemy.
    Kind(
        name="connection-password",
        needles=("://",),
        pattern=re.compile(
            r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,30}://[^\s:/@?#\"'<>]{0,100}:(?P<secret>[^\s@/\"'<>]{1,200})@"
        ),
        span=_login,
    ),
    # SWIFT's IBAN registry and ISO/IEC 7812; see `checksums`.
    Kind(
        name="iban",
        needles=tuple("0123456789"),
        pattern=re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}"),
        span=_iban,
    ),
    Kind(
        name="card-number",
        needles=tuple("3456"),
        pattern=re.compile(
            r"(?<![\w/-])(?<![0-9][.,])(?:[0-9]{14,19}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{1,3})?"
            r"|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5})(?![\w-]|[.,][0-9])"
        ),
        span=_card,
    ),
    Kind(
        name="password",
        needles=("pass", "pwd", "kennwort", "contraseña", "senha", "wachtwoord", "hasło", "пароль", "パス", "密"),
        pattern=PASSWORD,
        span=password_span,
    ),
    Kind(name="key", needles=("key", "secret", "token"), pattern=KEY, span=key_span),
    Kind(name="pin", needles=("pin", "cvv", "cvc"), pattern=PIN),
)
