"""Secrets as the documentation of their issuers prints them: (kind, where it is printed, text).

None opens anything. The sign "·" is taken out before use: with it, no scanner takes this file for a leak.
"""

from __future__ import annotations

_PEM = "-----BEGIN PRIV·ATE KEY-----\n{}\n-----END PRIV·ATE KEY-----"

PRINTED: tuple[tuple[str, str, str], ...] = (
    ("private-key", "RFC 8410, 10.3", _PEM.format("MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC")),
    (
        "private-key",
        "RFC 7468, 10",
        _PEM.format(
            "MIGEAgEAMBAGByqGSM49AgEGBSuBBAAKBG0wawIBAQQgVcB/UNPxalR9zDYAjQIf\n"
            "jojUDiQuGnSJrFEEzZPT/92hRANCAASc7UJtgnF/abqWM60T3XNJEzBv5ez9TdwK\n"
            "H0M6xpM2q+53wmsN/eYLdgtjgBd3DBmHtPilCkiFICXyaA8z9LkJ"
        ),
    ),
    (
        "private-key",
        "age specification v1, X25519",
        "AGE-SECRET-·KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX",
    ),
    (
        "github-token",
        "GitHub, generating a user access token",
        '"access_token": "ghu·_16C7e42F292c6912E7710c838347Ae178B4a"',
    ),
    (
        "github-token",
        "GitHub, refreshing user access tokens",
        '"refresh_token": "ghr·_1B4a2e77838347a7E420ce178F2E7c6912E169246c34E1ccbF66C46812d16D5B1A9Dc86A1498"',
    ),
    ("github-token", "GitHub, authorizing OAuth apps", '"access_token":"gho·_16C7e42F292c6912E7710c838347Ae178B4a"'),
    (
        "github-token",
        "GitHub REST, create an installation access token",
        '"token": "ghs·_16C7e42F292c6912E7710c838347Ae178B4a"',
    ),
    ("aws-access-key", "AWS, IAM identifiers", "AKIA·IOSFODNN7EXAMPLE"),
    ("aws-access-key", "AWS CLI, environment variables", "AWS_ACCESS_KEY_ID=ASIA·IOSFODNN7EXAMPLE"),
    ("aws-access-key", "AWS CLI, named profiles", "aws_access_key_id=AKIA·I44QH8DHBEXAMPLE"),
    (
        "aws-secret-key",
        "AWS CLI, aws configure",
        "AWS Secret Access Key [None]: wJalrXUtnFEMI/·K7MDENG/bPxRfiCYEXAMPLEKEY",
    ),
    (
        "aws-secret-key",
        "AWS CLI, environment variables",
        "export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/·K7MDENG/bPxRfiCYEXAMPLEKEY",
    ),
    ("aws-secret-key", "AWS CLI, named profiles", "aws_secret_access_key=je7MtGbClwBF/·2Zp9Utk/h3yCo8nvbEXAMPLEKEY"),
    ("google-key", "Google Cloud, API keys", "AIza·SyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe"),
    ("google-key", "Firebase, web configuration", 'apiKey: "AIza·SyDOCAbC123dEf456GhI789jKl01-MnO"'),
    (
        "azure-key",
        "Azurite, default storage account",
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50u·"
        "SRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;",
    ),
    (
        "azure-key",
        "Azure Cosmos DB emulator",
        "AccountEndpoint=https://localhost:8081/;AccountKey=C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mG·"
        "GyPMbIZnqyMsEcaGQy67XIw/Jw==",
    ),
    (
        "azure-key",
        "Azure Storage, shared access signatures",
        "https://myaccount.blob.core.windows.net/sascontainer/sasblob.txt?sv=2015-04-05&st=2015-04-29T22%3A18%3A26Z&se="
        "2015-04-30T02%3A23%3A26Z&sr=b&sp=rw&spr=https&sig=Z%2FRHIX5Xcg0Mq2rqI3OlWTjEg2tYkboXr1P9ZUXDtkk%3D",
    ),
    (
        "slack-token",
        "Slack, oauth.v2.access",
        '"access_token": "xoxb·-17653672481-19874698323-pdFZKVeTuE8sk7oOcBrzbqgy"',
    ),
    (
        "webhook-url",
        "Slack, incoming webhooks",
        "https://hooks.slack.com/serv·ices/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
    ),
    ("stripe-key", "Stripe, API reference", "sk_te·st_4eC39HqLyjWDarjtT1zdp7dc"),
    (
        "stripe-key",
        "Stripe, API reference",
        "curl https://api.stripe.com/v1/charges -u sk_te·st_26PHem9AhJZvU623DfE1x4sd:",
    ),
    ("stripe-key", "Stripe, API reference", "stripe.api_key = 'sk_te·st_BQokikJOvBiI2HlWgH4olfQ2'"),
    ("webhook-secret", "Replicate, verify webhooks", 'const secret = "whsec·_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH";'),
    (
        "webhook-secret",
        "Svix, verifying payloads manually",
        'const secret = "whsec·_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";',
    ),
    (
        "sendgrid-key",
        "SendGrid, authentication",
        "Bearer SG·.ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf-09kqeF8tAmbihYzrnopKc-1s5cr",
    ),
    ("mail-key", "Mailgun, user manual", "curl -s --user 'api:key·-3ax6xnjp29jd6fds4gc373sgvjxteol0'"),
    (
        "telegram-token",
        "Telegram, authorizing your bot",
        "https://api.telegram.org/bot123456·:ABC-DEF1234ghIkl-zyx57W2v1u123ew11/getMe",
    ),
    ("telegram-token", "Telegram, BotFather", "110201543·:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"),
    ("telegram-token", "Telegram, from BotFather to Hello World", "4839574812·:AAFD39kkdpWt3ywyRZergyOLMaJhac60qc"),
    (
        "discord-token",
        "Discord, API reference",
        "Authorization: Bot MTk4NjIyNDgzNDcxOTI1MjQ4·.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs",
    ),
    ("gitlab-token", "GitLab, runners API", '"token": "glrt·-kyahzxLaj4Dc1jQf4xjX"'),
    ("platform-token", "Databricks, authentication", 'access_token="dapi·1234567890b2cd34ef5a67bc8de90fa12b"'),
    ("platform-token", "HashiCorp Vault, dev server", 'export VAULT_TOKEN="hvs·.6j4cuewowBGit65rheNoceI7"'),
    (
        "platform-token",
        "HashiCorp Vault, tokens with use limit",
        "token hvs·.CAESIJRM-T1q5lEjIWux1Tjx-VGqAYJdd4FZtbp1wpD5Ym9pGh4KHGh2cy5TSjRndGoxaU44NzNscm5MSlRLQXZ0ZGg",
    ),
    ("service-token", "Grafana, service accounts", "Bearer glsa·_HOruNAb7SOiCdshU9algkrq7FDsNSLAa_54e2f8be"),
    ("service-token", "Grafana, service account HTTP API", '"key": "glsa·_yscW25imSKJIuav8zF37RZmnbiDvB05G_fcaaf58a"'),
    ("app-token", "Square, access tokens", "Bearer EAAA·EOuLQObrVwJvCvoio3H13b8Ssqz1ighmTBKZvIENW9qxirHGHkqsGcPBC1uN"),
    (
        "app-token",
        "Dropbox, OAuth guide",
        '"access_token": "sl·.AbX9y6Fe3AuH5o66-gmJpR032jwAwQPIVVzWXZNkdzcYT02akC2de219dZi6gxYPVnYPrpvISRSf9lxKWJzYLjtM'
        'PH-d9fo_0gXex7X37VIvpty4-G8f4-WX45AcEPfRnJJDwzv-"',
    ),
    (
        "app-token",
        "X, OAuth 2.0 bearer token",
        '"access_token":"AAAAAAAAAAAAAAAAAAAAA·MLheAAAAAAA0%2BuSeid%2BULvsea4JtiGRiSDSJSI%3DEUifiRBkKG5E2XzMDjRfl76ZC9Ub0'
        'wnz4XsNiRVBChTYbJcE3F"',
    ),
    (
        "jwt",
        "jwt.io",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.·eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ"
        ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    ),
    (
        "jwt",
        "RFC 7519, 3.1",
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.·eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm"
        "NvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    ),
    ("authorization", "RFC 7617, 2", "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
    ("authorization", "RFC 7617, 2.1", "Authorization: Basic dGVzdDoxMjPCow=="),
    ("authorization", "RFC 6750, 2.1", "Authorization: Bearer mF_9.B5f-4.1JqM"),
    (
        "otp-secret",
        "Google Authenticator, Key URI Format",
        "otpauth://totp/Example:alice@google.com?secret=JBSWY3DP·EHPK3PXP&issuer=Example",
    ),
    ("connection-password", "PostgreSQL, connection URIs", "postgresql://user:secret@localhost"),
    (
        "connection-password",
        "MongoDB, connection strings",
        "mongodb://myDatabaseUser:D1fficultP%40ssw0rd@mongodb0.example.com:27017/?authSource=admin",
    ),
    ("connection-password", "SQLAlchemy, database URLs", "postgresql+psycopg2://scott:tiger@localhost:5432/mydatabase"),
    ("connection-password", "RabbitMQ, URI specification", "amqp://user:pass@host:10000/vhost"),
    ("connection-password", "redis-py, from_url", "redis://username:password@localhost:6379/0"),
    ("password", "RFC 6749, 4.3.2", "grant_type=password&username=johndoe&password=A3ddj3w"),
    ("key", "RFC 6749, 2.3.1", "client_id=s6BhdRkqt3&client_secret=7Fjfp0ZBr1KtDRbnfVdmIw"),
    ("card-number", "Stripe, testing (Visa)", "4242 4242 4242 4242"),
    ("card-number", "Stripe, testing (Mastercard)", "5555555555554444"),
    ("card-number", "Stripe, testing (Mastercard, 2-series)", "2223-0031-2200-3222"),
    ("card-number", "Stripe, testing (American Express)", "3782 822463 10005"),
    ("card-number", "Stripe, testing (Discover)", "6011111111111117"),
    ("card-number", "Stripe, testing (Diners Club)", "3056930009020004"),
    ("card-number", "Stripe, testing (JCB)", "3566002020360505"),
    ("card-number", "Stripe, testing (UnionPay)", "6200000000000005"),
    ("iban", "SWIFT registry, Germany", "DE89 3704 0044 0532 0130 00"),
    ("iban", "SWIFT registry, United Kingdom", "GB29NWBK60161331926819"),
    ("iban", "SWIFT registry, France", "FR14 2004 1010 0505 0001 3M02 606"),
    ("iban", "SWIFT registry, Netherlands", "NL91 ABNA 0417 1643 00"),
    ("iban", "SWIFT registry, Switzerland", "CH93 0076 2011 6238 5295 7"),
    ("iban", "SWIFT registry, Norway", "NO93 8601 1117 947"),
    ("iban", "SWIFT registry, Malta", "MT84MALT011000012345MTLCAST001S"),
)

DOCUMENTED = tuple((kind, source, text.replace("·", "")) for kind, source, text in PRINTED)
