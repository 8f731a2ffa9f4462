"""The backends side by side: the local file, Qdrant's engine with Neo4j, and PostgreSQL as a yardstick."""
