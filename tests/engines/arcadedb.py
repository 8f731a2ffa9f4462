"""ArcadeDB over Bolt, if Neo4j cannot be had: it speaks the same protocol and much of Cypher, and is not Neo4j."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from .process import NotHere, Process, free_port, listens

PASSWORD = "only-for-tests"

_JAVA = """-Xms128m -Xmx768m -Djava.awt.headless=true --add-modules=jdk.incubator.vector
    --enable-native-access=ALL-UNNAMED --add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED
    --add-opens=java.base/java.nio.channels.spi=ALL-UNNAMED --add-opens=java.base/java.lang=ALL-UNNAMED
    -Dpolyglot.engine.WarnInterpreterOnly=false -Dfile.encoding=UTF8 -Darcadedb.server.mode=development
    -Darcadedb.server.httpIncomingHost=127.0.0.1 -Darcadedb.bolt.host=127.0.0.1
    -Darcadedb.server.defaultDatabases=neo4j[root] -Darcadedb.server.plugins=Bolt:com.arcadedb.bolt.BoltProtocolPlugin
    """.split()


def start(folder: Path) -> tuple[Process, str]:
    """Start a server with its data in `folder`; return it and its address. Raise NotHere if it cannot be had."""
    found = importlib.util.find_spec("arcadedb_embedded")
    if found is None or found.origin is None:
        raise NotHere("arcadedb-embedded is not installed")
    package, port = Path(found.origin).parent, free_port()
    folder.mkdir(parents=True, exist_ok=True)
    options = [
        f"-Darcadedb.server.rootPath={folder}",
        f"-Darcadedb.server.rootPassword={PASSWORD}",
        f"-Darcadedb.server.httpIncomingPort={free_port()}",
        f"-Darcadedb.bolt.port={port}",
    ]
    command = [str(package / "jre/bin/java"), *_JAVA, *options, "-cp", f"{package}/jars/*"]
    process = Process([*command, "com.arcadedb.server.ArcadeDBServer"], log=folder / "output.log", cwd=folder)
    process.wait_until(lambda: listens(port))
    return process, f"bolt://127.0.0.1:{port}"
