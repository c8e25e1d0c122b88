"""Has the program itself read every configuration that the deployment files give it."""

import os
import pathlib
import subprocess
import tempfile
import tomllib

from . import coherence, engines, sources

# What a secret might hold, by the end of the setting's name.
SAMPLES = {
    "database.services": "postgres://souk:secret@db.internal/souk?sslmode=verify-full",
    "database.url": "postgres://souk:secret@db.internal/souk",
    "events.url": "amqps://souk:secret@rabbit.internal:5671/souk",
    "redis.url": "rediss://souk:secret@redis.internal:6379/0",
    "notifications.smtp.url": "smtps://souk:secret@mail.internal:465",
    "search.url": "https://souk:secret@search.internal:9200",
}


def sample(variable):
    key = sources.variable_key(variable)
    return next((value for start, value in SAMPLES.items() if key.startswith(start)), "secret")


def check(souk, rendered):
    for who, file, variables in configurations(rendered):
        yield from accepted(souk, who, file, variables)
    yield from commands(souk)


def configurations(rendered):
    """Every process: who it is, its file, its variables."""
    yield "the images", coherence.DEPLOY / "image/souk.toml", {}
    services = coherence.compose()["services"]
    for name in coherence.ours(services):
        variables = {key: engines.plain(value) for key, value in services[name].get("environment", {}).items()}
        yield f"compose: {name}", coherence.DEPLOY / "compose/souk.toml", variables
    cluster = coherence.Cluster(rendered)
    for (_, name), pod in cluster.pods.items():
        container = pod["spec"]["containers"][0]
        variables = {one["name"]: one.get("value", sample(one["name"])) for one in container.get("env", [])}
        for source in container.get("envFrom", []):
            if reference := source.get("configMapRef"):
                variables |= cluster.by_name["ConfigMap", reference["name"]]["data"]
            else:
                variables |= {source["prefix"] + service: sample(source["prefix"] + service) for service in sources.services()}
        yield f"kubernetes: {name}", coherence.DEPLOY / "kubernetes/base/souk.toml", variables


def accepted(souk, who, file, variables):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SOUK_")}
    with tempfile.TemporaryDirectory() as folder:
        command = [souk, "config", "--config", file, "--data", pathlib.Path(folder) / "data"]
        result = subprocess.run(command, env=clean | variables, capture_output=True, text=True)
    if result.returncode != 0:
        yield f"{who}: {result.stderr.strip()}"
        return
    # What it has understood: an engine that a file or a variable names is in effect.
    effective = engines.flat(result.stdout)
    for engine in engines.ENGINES:
        name = who.rpartition(" ")[2]
        uses = sources.uses()[engine.setting] | sources.verify_uses(engine.setting) | engines.COMMANDS
        if who != "the images" and name in uses:
            for key in sorted({engine.setting, *engine.secrets}):
                if not effective.get(key):
                    yield f"{who}: the program sees no {key}"


def commands(souk):
    """The options of the images' command lines."""
    for name, target in coherence.dockerfile().items():
        if not target["command"]:
            continue
        help = subprocess.run([souk, target["command"][0], "--help"], capture_output=True, text=True).stdout
        for word in target["command"]:
            if word.startswith("--") and f"{word} " not in help:
                yield f"Dockerfile: {name}: `souk {target['command'][0]}` knows no {word}"
