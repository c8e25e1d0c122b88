"""What the program itself says: its services, who calls whom, its settings, its metrics, its time limits. Read from the sources."""

import pathlib
import re
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def text(path):
    return (ROOT / path).read_text()


def only(pattern, path, flags=0):
    found = re.search(pattern, text(path), flags)
    if not found:
        raise SystemExit(f"check-deploy: {path} no longer has /{pattern}/; scripts/deploy_files/sources.py reads it there")
    return found.group(1)


def services():
    """All services with data."""
    names = only(r"pub const SERVICES: \[&str; \d+\] =\s*\[(.*?)\]", "apps/souk/src/roster.rs", re.S)
    return re.findall(r'"(\w+)"', names)


GATEWAY = "gateway"


def edges():
    """Every (caller, callee) between processes, with why."""
    every = services()
    found = {}
    for name in every:
        for callee in re.findall(r"caller\.(\w+)\(", made_of(name)):
            found.setdefault((name, callee), set()).add("calls")
    # Whoever answers HTTP asks identity who somebody is.
    authority = only(r"Authority::new\(\s*Caller.*?\.(\w+)\([^)]*\),\s*clock", "apps/souk/src/services.rs", re.S)
    for name in [*every, GATEWAY]:
        if name != authority:
            found.setdefault((name, authority), set()).add("tokens")
    only(r"(souk_gateway::passed_on)\(", "apps/souk/src/services.rs")
    for name in every:
        found.setdefault((GATEWAY, name), set()).add("passes on")
    publisher = {}
    for path in sorted((ROOT / "libs/contracts/src/events").glob("*.rs")):
        for kind in re.findall(r'event!\(\w+, "([\w.]+)"', path.read_text()):
            publisher[kind] = path.stem
    for consumer, kinds in re.findall(r'"(\w+)" => &\[(.*?)\]', text("apps/souk/src/subscriptions.rs"), re.S):
        for kind in re.findall(r'"([\w.]+)"', kinds):
            if kind not in publisher:
                raise SystemExit(f"check-deploy: nobody publishes {kind}, which {consumer} takes")
            if publisher[kind] != consumer:
                found.setdefault((publisher[kind], consumer), set()).add(kind)
    return found


def made_of(service):
    """What a service is built with."""
    return only(rf"\nasync fn {service}\((.*?)\n}}\n", "apps/souk/src/services.rs", re.S)


def uses():
    """Which services use the engine that a setting chooses."""
    every = services()
    # Events between processes; those of a service for itself need no broker.
    events = {name for edge, why in edges().items() for name in edge if any("." in one for one in why)}
    # Requests are counted where visitors come in.
    only(r"(rates: \(public && )", "services/gateway/src/edge/mod.rs")
    only(r"redis: (engines\.redis\(\))", "apps/souk/src/services.rs")
    return {
        "events.url": events,
        "redis.url": {GATEWAY} | {name for name in every if "engines.invalidations(" in made_of(name)},
        "files.url": {name for name in every if "engines.files(" in made_of(name)},
    }


def verify_uses(setting):
    """`verify`, if it asks the engine that a setting chooses."""
    only(r"(Transit::open\(config\))", "apps/souk/src/verify/mod.rs")
    return {"verify"} if setting == "events.url" else set()


def setting_keys():
    """Every key of the configuration: those with a default, and those that the documentation names besides."""
    document = text("docs/configuration.md")
    keys = set(flat(defaults()))
    before = document[: document.index("Every key with its default")]
    return keys | set(re.findall(r"`([a-z_]+(?:\.[a-z0-9_]+)+)`", before))


def defaults():
    """Every section of the configuration with its defaults."""
    return tomllib.loads(only(r"Every key with its default.*?```toml\n(.*?)```", "docs/configuration.md", re.S))


def flat(table, prefix=""):
    """The dotted keys of a table's values."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def variable_key(name):
    """The key that a variable sets."""
    return name.removeprefix("SOUK_").lower().replace("__", ".")


def metrics():
    """The names of all metrics, as the sources spell them."""
    names = set()
    for folder in ("libs", "services", "apps"):
        for path in (ROOT / folder).rglob("src/**/*.rs"):
            code = path.read_text().split("#[cfg(test)]\nmod tests {")[0]
            names |= set(re.findall(r'"(souk_[a-z_]+)"', code))
    return names


def seconds(pattern, path):
    return int(only(pattern, path))


def look_up_every():
    return seconds(r"const LOOK_UP_EVERY: Duration = Duration::from_secs\((\d+)\)", "libs/platform/src/rpc/peer/mod.rs")


def events_drain():
    """How long a process goes on after its last request: the relays' limit, and two seconds for what is left."""
    return 2 + seconds(r"const DRAIN_LIMIT: Duration = Duration::from_secs\((\d+)\)", "apps/souk/src/marketplace.rs")


def default_drain_limit():
    return seconds(r"drain_limit: Duration::from_secs\((\d+)\)", "services/gateway/src/config.rs")


def health_paths():
    return set(re.findall(r'path = "(/health[/\w]*)"', text("services/gateway/src/health.rs")))
