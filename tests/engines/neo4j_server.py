"""The Neo4j Community server itself, from Maven's registry, on Java 17 or newer.

What it takes: `org.neo4j.app:neo4j-server` has the web server, but the main class
`org.neo4j.server.CommunityEntryPoint` and the storage engine are in `org.neo4j:neo4j`; with both and their
dependencies (230 jars, 140 MB) on the class path it starts in about three seconds and needs 250 to 450 MB of memory.
It logs to `logs/neo4j.log` below its home, not to its output. The first password is "neo4j" and must be changed
before anything else is allowed.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .process import NotHere, Process, cache_folder, free_port, listens

VERSION = "5.26.30"
PASSWORD = "only-for-tests"

_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>headroom</groupId><artifactId>test-engines</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.neo4j.app</groupId><artifactId>neo4j-server</artifactId><version>{VERSION}</version></dependency>
    <dependency><groupId>org.neo4j</groupId><artifactId>neo4j</artifactId><version>{VERSION}</version></dependency>
  </dependencies>
</project>
"""

_SETTINGS = """server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:{port}
server.http.enabled=false
server.https.enabled=false
dbms.usage_report.enabled=false
dbms.security.auth_enabled=true
server.memory.pagecache.size=64m
db.tx_log.rotation.retention_policy=keep_none
"""

_JAVA = """-Xms128m -Xmx512m -XX:+UseSerialGC --enable-native-access=ALL-UNNAMED
    --add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/java.io=ALL-UNNAMED
    --add-opens=java.base/sun.nio.ch=ALL-UNNAMED --add-opens=java.base/java.util.concurrent=ALL-UNNAMED
    -Dio.netty.tryReflectionSetAccessible=true -Dlog4j2.disable.jmx=true""".split()


def start(folder: Path) -> tuple[Process, str]:
    """Start a server with its data in `folder`; return it and its address. Raise NotHere if it cannot be had."""
    from neo4j import GraphDatabase

    java = shutil.which("java")
    if java is None:
        raise NotHere("there is no Java")
    jars, port = _jars(), free_port()
    home, settings = folder / "home", folder / "conf"
    home.mkdir(parents=True)
    settings.mkdir()
    (settings / "neo4j.conf").write_text(_SETTINGS.format(port=port))
    command = [java, *_JAVA, "-cp", f"{jars}/*", "org.neo4j.server.CommunityEntryPoint"]
    process = Process([*command, f"--home-dir={home}", f"--config-dir={settings}"], log=folder / "output.log")
    process.wait_until(lambda: listens(port))
    uri = f"bolt://127.0.0.1:{port}"
    with GraphDatabase.driver(uri, auth=("neo4j", "neo4j")) as driver, driver.session(database="system") as session:
        session.run("ALTER CURRENT USER SET PASSWORD FROM 'neo4j' TO $password", password=PASSWORD).consume()
    return process, uri


def _jars() -> Path:
    """Fetch the server's jars, once."""
    kept = cache_folder() / f"neo4j-{VERSION}"
    if kept.is_dir():
        return kept
    maven = shutil.which("mvn")
    if maven is None:
        raise NotHere("there is no Maven to fetch it with")
    fresh = kept.with_name(f"{kept.name}.{free_port()}")
    fresh.mkdir()
    (fresh / "pom.xml").write_text(_POM)
    fetched = subprocess.run(
        [maven, "--quiet", "--batch-mode", "dependency:copy-dependencies", f"-DoutputDirectory={fresh / 'lib'}"],
        cwd=fresh,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if fetched.returncode:
        shutil.rmtree(fresh)
        raise NotHere(f"Maven did not bring it: {fetched.stdout[-500:]}")
    try:
        (fresh / "lib").rename(kept)
    except OSError:  # another run was faster
        if not kept.is_dir():
            raise
    shutil.rmtree(fresh)
    return kept
