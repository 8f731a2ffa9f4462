"""Harmless texts that look like secrets: hashes, ids, numbers of all sorts, code, and sentences about passwords.

The numbers are drawn with a fixed seed and not sorted by what the rules make of them.
"""

from __future__ import annotations

import base64
import hashlib
import random
import uuid
from collections.abc import Iterator

_SENTENCES = """
The password is stored in the vault
User keeps every password in 1Password
User's password is required to be changed every 90 days
The password is too short
User forgot the password to the old laptop
The password for the staging server is in Bitwarden
Password reset emails go to spam
The password is expired.
The password was changed in May
User thinks passwords are outdated
The password must be at least 12 characters
The password is hashed with bcrypt
The password is case-sensitive
The password is 12 characters long
The password is base64-encoded before it is sent
The password field is empty
The password is never written to the log.
User prefers passkeys to passwords
The password is the name of the first pet
User's password manager is KeePassXC
The password is wrong, says the router
The password is only known to Anna
User asked what the password is for
The password is protected
The passphrase is long and hard to type
The Wi-Fi password is on the fridge
Passwords: use a manager
Password policy: at least one digit
The password dialog says "Password is too weak"
The password to success is patience
Das Passwort ist abgelaufen
Das Passwort ist im Tresor gespeichert
Das Kennwort war falsch
La contraseña es incorrecta
Le mot de passe est oublié
A senha é segura
The API key is missing
The API key is stored in the environment variable OPENAI_API_KEY
User rotates API keys every quarter
The secret is to salt the water
User's secret ingredient is nutmeg
The access token is refreshed every hour
The access token expires after 3600 seconds
The secret key is kept in AWS Secrets Manager
User asks how to create an API key for Mistral
The client secret is optional for public clients
The token limit is 8192 and the context window is 200000
Max tokens: 4096
User likes the board game Secret Hitler
User works on sk-learn pipelines with scikit-learn 1.5
The primary key is a composite of user_id and created_at
User plays piano in the key of F sharp minor
The key is under the mat at number 42
Pin 13 is connected to the LED
PIN code 560001 is in Bangalore
User wears size 42 and lives at 4242 Oak Street
User's IBAN is at Deutsche Bank
User pays with a Visa card ending in 4242
The card ends in 1881 and expires 04/27
The file begins with -----BEGIN PUBLIC KEY-----
The key file starts with -----BEGIN RSA PRIVATE KEY----- and lives in ~/.ssh
User generates SSH keys with ssh-keygen -t ed25519
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq0 alice@laptop
The connection string has the form postgresql://user:<password>@host/db
Set DATABASE_URL to postgres://app:${DB_PASSWORD}@db:5432/app
The server listens on http://localhost:8080/@scope/package
User's repo is git@github.com:alice/notes.git
User's site is https://alice.example.com:8443/login
npm i @types/node@20.11.5
mailto:alice@example.com?subject=Password
1. **Password Storage**: use Argon2
- **Long Password Test**: generates a very long one
The password of a match begins and ends there; none if no password is meant.
Username and password to authenticate
Order pk_test_TYooMQauvdEDq54NiTphI7jx is the publishable key
The bot is at https://t.me/alice_bot
ghp is the prefix of GitHub's tokens
AKIA is how access key ids begin
Tokens that begin with xoxb- belong to bots
The JWT has three parts, and the header begins with eyJ
"""

_CODE = """
password = get_password()
password = os.environ["DB_PASSWORD"]
password: str
password: str | None = None
password = None
password=args.password
password = request.form["password"]
if password == confirm_password:
def login(username: str, password: str) -> Token:
const { username, password } = req.body;
const password = await prompt("Password: ");
password: ${{ secrets.DB_PASSWORD }}
PASSWORD=${PASSWORD:-}
password: "{{ vault_password }}"
password: <your password here>
password: ********
"password": "string"
"password": null
input type="password" name="password"
api_key = os.getenv("OPENAI_API_KEY")
api_key: SecretStr = Field(...)
api_key=settings.api_key
client = OpenAI(api_key=api_key)
OPENAI_API_KEY=your-api-key
secret_key = generate_secret_key(32)
token = tokenizer.next_token()
token = request.headers["Authorization"].split(" ")[1]
access_token = response.json()["access_token"]
Authorization: Bearer ${TOKEN}
Authorization: Bearer <token>
    response = client.get("/me", headers={"Authorization": "Bearer valid_token"})
const web = new WebClient("xoxb-your-slack-token");
"neo4j_password": neo4j_password,
"password": password,
headers = {"Authorization": f"Bearer {token}"}
kubectl create secret generic db --from-literal=password=$DB_PASSWORD
curl -u "$USER:$PASS" https://api.example.com
psql postgresql://localhost/mydb
mongodb://localhost:27017/test
redis://localhost:6379/0
docker run -e POSTGRES_PASSWORD_FILE=/run/secrets/db postgres:16
git commit -m "Rotate secrets"
x = 4242424242.4242
array[0x1F2E3D4C5B6A7980]
color: #1a2b3c4d;
sha256sum -c checksums.txt
sk_buff *skb = alloc_skb(len, GFP_KERNEL);
import hf_transfer
from sk_learn_extra.cluster import KMedoids
SELECT id, password_hash FROM users WHERE email = $1;
ALTER USER app WITH PASSWORD :'pw';
export AWS_PROFILE=staging
aws sts get-caller-identity --profile prod
terraform apply -var="db_password=$TF_VAR_db_password"
"""


def harmless() -> Iterator[str]:
    """Yield the texts, always the same ones."""
    yield from filter(None, _SENTENCES.splitlines())
    yield from filter(None, _CODE.splitlines())
    chance = random.Random(20261003)
    for number in range(15):
        text = str(number).encode()
        yield f"The commit is {hashlib.sha1(text).hexdigest()}"
        yield f"md5: {hashlib.md5(text).hexdigest()}"
        yield f"sha256:{hashlib.sha256(text).hexdigest()}"
        yield f"integrity sha512-{base64.b64encode(hashlib.sha512(text).digest()).decode()}"
        yield f"User's device id is {uuid.uuid5(uuid.NAMESPACE_DNS, str(number))}"
        yield f"session {uuid.UUID(int=chance.getrandbits(128), version=4)} ended"
        yield f"Order number {_digits(chance, 16)} was shipped"
        yield f"User paid invoice {_digits(chance, 12)} on time"
        yield f"Tracking number: 1Z{_digits(chance, 6)}{_digits(chance, 10)}"
        yield f"Parcel {_digits(chance, 20)} is at the depot"
        yield f"The request took place at {1_600_000_000_000 + chance.randrange(10**11)}"
        yield f"User's phone is +49 {_digits(chance, 3)} {_digits(chance, 7)}"
        yield f"call +1 ({_digits(chance, 3)}) {_digits(chance, 3)}-{_digits(chance, 4)}"
        yield f"IMEI 35{_digits(chance, 13)}"
        yield f"ISBN 978-3-16-{_digits(chance, 6)}-0"
        yield f"EAN 40{_digits(chance, 11)}"
        yield f"arXiv:24{_digits(chance, 2)}.{_digits(chance, 5)} and doi:10.1000/{_digits(chance, 6)}"


def _digits(chance: random.Random, count: int) -> str:
    return "".join(str(chance.randrange(10)) for _ in range(count))
