"""Whether the engines between processes (RabbitMQ, Redis, an object store) are there for those who use them, and for nobody else."""

import copy
import re
import tomllib
from typing import NamedTuple

from . import kustomize, sources
from .coherence import DEPLOY, Cluster, compose, ours


class Engine(NamedTuple):
    setting: str  # that chooses it
    secrets: tuple[str, ...]  # settings that no file may hold in the clear
    service: str  # its name in compose.yaml
    component: str  # its folder below kubernetes/components
    outlets: frozenset[int]  # where it is reached in a cluster


ENGINES = (
    Engine("events.url", ("events.url",), "rabbitmq", "rabbitmq", frozenset({5671, 5672})),
    Engine("redis.url", ("redis.url",), "redis", "redis", frozenset({6379})),
    Engine("files.url", ("files.s3.access_key_id", "files.s3.secret_access_key"), "garage", "s3", frozenset({443})),
)
# Commands for everything open all services.
COMMANDS = {"tools"}
REFERENCE = r"\$\{(\w+):-([^}]*)\}"


def check(rendered):
    """All faults, as lines. `rendered` are the objects of `base` and of the production overlay, by these names."""
    base, production = Cluster(rendered["base"]), Cluster(rendered["overlays/production"])
    yield from containers()
    for engine in ENGINES:
        yield from in_compose(engine)
        yield from in_cluster(engine, production, "kubernetes")
        yield from narrow(engine.outlets, production)
        yield from without(engine, base, "kubernetes/base")
        # Each is to be had by itself.
        folder = DEPLOY / "kubernetes/components" / engine.component
        alone = Cluster(kustomize.build(folder, onto=copy.deepcopy(rendered["base"])))
        yield from in_cluster(engine, alone, f"kubernetes: {engine.component} alone", installed=False)
        for other in ENGINES:
            if other != engine:
                yield from without(other, alone, f"kubernetes: {engine.component} alone")
    for part in (base.references, base.networks):
        for fault in part():
            yield fault.replace("kubernetes:", "kubernetes/base:", 1)
    database = frozenset({5432})
    databases = {*sources.services(), "migrate", "verify"}
    yield from reached("kubernetes", production, database, databases, "PostgreSQL")
    yield from narrow(database, production)
    yield from brokers_settings()
    yield from redis_settings()
    yield from garage_settings()


def plain(text):
    """With the values that variables have unless somebody gives others."""
    return re.sub(REFERENCE, r"\2", str(text))


def settings_in_compose(service):
    """The settings of a service: of its file, and of its variables, which win. Variables stay references."""
    targets = [mount.get("target") if isinstance(mount, dict) else mount.split(":")[1] for mount in service.get("volumes", [])]
    settings = {}
    if "/etc/souk/souk.toml" in targets:
        settings |= flat((DEPLOY / "compose/souk.toml").read_text())
    return settings | {sources.variable_key(name): str(value) for name, value in service.get("environment", {}).items()}


def flat(text):
    def entries(table, prefix=""):
        for name, value in table.items():
            if isinstance(value, dict):
                yield from entries(value, f"{prefix}{name}.")
            else:
                yield prefix + name, value

    return dict(entries(tomllib.loads(text)))


def containers():
    """What holds for all containers that are not ours, and for how they are waited for."""
    text = (DEPLOY / "compose.yaml").read_text()
    defaults = {}
    for name, default in re.findall(REFERENCE, text):
        if defaults.setdefault(name, default) != default:
            yield f"compose: {name} is {defaults[name]} in one place and {default} in another"
    description = compose()
    services = description["services"]
    program = ours(services)
    kept = set()
    for name, service in services.items():
        if name not in program and not re.search(r":v?\d+\.\d+[\w.-]*$", service["image"]):
            yield f"compose: {name} is not pinned to a version: {service['image']}"
        for mount in service.get("volumes", []):
            source = mount["source"] if isinstance(mount, dict) else mount.split(":")[0]
            if source.startswith("."):
                if not (DEPLOY / source).exists():
                    yield f"compose: {name} mounts {source}, which is not there"
            else:
                kept.add(source)
        for other, how in waits(service).items():
            if other not in services:
                yield f"compose: {name} waits for {other}, which is not there"
            elif how == "service_healthy" and "healthcheck" not in services[other]:
                yield f"compose: {name} waits until {other} is healthy, which nobody asks"
    for name in sorted(kept ^ set(description["volumes"])):
        yield f"compose: the volume {name} is not declared, or nobody mounts it"


def waits(service):
    after = service.get("depends_on", {})
    return {name: how["condition"] for name, how in after.items()} if isinstance(after, dict) else dict.fromkeys(after)


def in_compose(engine):
    services = compose()["services"]
    if engine.service not in services:
        yield f"compose: there is no {engine.service}"
        return
    server = services[engine.service]
    if not memory(server):
        yield f"compose: {engine.service} may take all memory"
    if server.get("networks") != ["souk"] or "ports" in server:
        yield f"compose: {engine.service} is reached from elsewhere than the services' own network"
    if server.get("cap_drop") != ["ALL"] or "no-new-privileges:true" not in server.get("security_opt", []):
        yield f"compose: {engine.service} has capabilities, or may gain privileges"
    users = sources.uses()[engine.setting] | COMMANDS
    for name in ours(services):
        settings = settings_in_compose(services[name])
        given = [key for key in settings if key in engine.secrets]
        if name not in users:
            if given:
                yield f"compose: {name} has {given[0]}, but does not use {engine.service}"
            continue
        for key in {engine.setting, *engine.secrets}:
            if not settings.get(key):
                yield f"compose: {name} uses {engine.service} and has no {key}"
        for key in engine.secrets:
            if key in settings and not re.search(REFERENCE, settings[key]):
                yield f"compose: {key} of {name} is no reference to a variable"
        if waits(services[name]).get(engine.service) != "service_healthy":
            yield f"compose: {name} does not wait until {engine.service} is healthy"
        if engine.setting in settings:
            yield from fits(name, settings, server.get("environment", {}))


def fits(name, settings, server):
    """Whether what a service has is what the server was told."""
    forms = {
        "events.url": ("amqp://{RABBITMQ_DEFAULT_USER}:{RABBITMQ_DEFAULT_PASS}@rabbitmq:5672/{RABBITMQ_DEFAULT_VHOST}", server),
        "redis.url": ("redis://souk:{REDIS_PASSWORD}@redis:6379/0", server),
        "files.s3.access_key_id": ("{GARAGE_DEFAULT_ACCESS_KEY}", server),
        "files.s3.secret_access_key": ("{GARAGE_DEFAULT_SECRET_KEY}", server),
    }
    for key, (form, values) in forms.items():
        if not set(re.findall(r"\{(\w+)\}", form)) <= set(values):
            continue
        wanted = form.format(**values)
        if key in settings and settings[key] != wanted:
            yield f"compose: {key} of {name} is {settings[key]}, but the server was told {wanted}"
    if bucket := server.get("GARAGE_DEFAULT_BUCKET"):
        if not re.fullmatch(rf"s3://{re.escape(bucket)}(/.*)?", settings.get("files.url", "")):
            yield f"compose: files.url of {name} is {settings.get('files.url')}, but the bucket that is made is {bucket}"


def brokers_settings():
    server, guide = compose()["services"]["rabbitmq"], sources.text("docs/operations.md")
    if "hostname" not in server:
        yield "compose: rabbitmq has another name, and no data, whenever its container is made anew"
    settings = dict(re.findall(r"^([\w.]+) *= *(.+)$", (DEPLOY / "compose/rabbitmq.conf").read_text(), re.M))
    name = sources.defaults()["events"]["name"]
    needs = {f"{name}.{part}" for part in (*sources.services(), "events", "dead")} | {"amq.gen-1"}
    for right, also in (("configure", set()), ("write", {"amq.default"}), ("read", set())):
        pattern = settings.get(f"default_permissions.{right}", "")
        if missing := sorted(one for one in needs | also if not re.search(pattern, one) or not pattern):
            yield f"rabbitmq.conf: Souk may not {right} {', '.join(missing)}"
        if re.search(pattern, "others"):
            yield f"rabbitmq.conf: Souk may {right} what is not its own"
        if f"'{pattern}'" not in guide:
            yield f"docs/operations.md gives RabbitMQ's user other permissions than rabbitmq.conf to {right}"
    if not 0 < size(settings.get("vm_memory_high_watermark.absolute", 0)) < memory(server):
        yield "rabbitmq.conf: the server is killed before it stops those who publish (vm_memory_high_watermark.absolute)"


def redis_settings():
    settings = dict(re.findall(r"^([\w-]+) +(.+)$", (DEPLOY / "compose/redis.conf").read_text(), re.M))
    if settings.get("save") != '""' or settings.get("appendonly") != "no":
        yield "redis.conf: writes to disk what need not survive"
    # All keys have an end; `volatile-…` would never forget one that has none.
    if not settings.get("maxmemory-policy", "").startswith("volatile-"):
        yield f"redis.conf: forgets {settings.get('maxmemory-policy')} where memory ends"
    if not 0 < size(settings.get("maxmemory", 0)) <= memory(compose()["services"]["redis"]) // 2:
        yield "redis.conf: maxmemory leaves too little of the container's limit for connections and the server itself"
    name = sources.defaults()["redis"]["name"]
    user = re.search(r"^user souk (.+)$", sources.text("deploy/compose/redis.sh"), re.M)
    if not user or not {"on", ">$REDIS_PASSWORD", f"~{name}.*", f"&{name}.*"} <= set(user.group(1).split()):
        yield f"redis.sh: the user souk may not use {name}.*, or needs no password"
    elif user.group(1).replace("$REDIS_PASSWORD", "password") not in sources.text("docs/operations.md"):
        yield "docs/operations.md gives Redis' user other permissions than redis.sh"
    if "user default reset\n" not in sources.text("deploy/compose/redis.sh"):
        yield "redis.sh: who names no user is let in"


def garage_settings():
    told = flat((DEPLOY / "compose/garage.toml").read_text())
    uses = flat((DEPLOY / "compose/souk.toml").read_text())
    port = told["s3_api.api_bind_addr"].rpartition(":")[2]
    if uses.get("files.s3.endpoint") != f"http://garage:{port}":
        yield f"compose/souk.toml: files.s3.endpoint is {uses.get('files.s3.endpoint')}, but Garage listens on {port}"
    if uses.get("files.s3.region") != told["s3_api.s3_region"]:
        yield f"compose/souk.toml: files.s3.region is not Garage's, {told['s3_api.s3_region']}"
    server = compose()["services"]["garage"]
    mounts = {mount.split(":")[1] for mount in server["volumes"]}
    if missing := {told["metadata_dir"], told["data_dir"]} - mounts:
        yield f"compose: garage keeps nothing of {', '.join(sorted(missing))}"
    forms = {"GARAGE_DEFAULT_ACCESS_KEY": "GK[0-9a-f]{24}", "GARAGE_DEFAULT_SECRET_KEY": "[0-9a-f]{64}", "GARAGE_RPC_SECRET": "[0-9a-f]{64}"}
    for name, form in forms.items():
        if not re.fullmatch(form, plain(server["environment"].get(name, ""))):
            yield f"compose: {name} has not the form that Garage takes, {form}"
    if server["healthcheck"]["test"][-1] != server["environment"].get("GARAGE_DEFAULT_BUCKET"):
        yield "compose: garage counts as healthy without its bucket"


def memory(service):
    """How much a container may take, or 0."""
    return size(service.get("deploy", {}).get("resources", {}).get("limits", {}).get("memory", 0))


def size(text):
    """Bytes; units are binary here, as Docker and Redis read `M` and `mb`, and a little less in RabbitMQ."""
    number, unit = re.fullmatch(r"(\d+) *([kmg]?)i?b?", str(text).lower()).groups()
    return int(number) * {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}[unit]


def settings_in_cluster(cluster, pod):
    """The settings of a pod: the value, or None where it comes from a secret."""
    settings = dict(flat(cluster.by_name["ConfigMap", "souk"]["data"]["souk.toml"]))
    for container in pod["spec"]["containers"]:
        for source in container.get("envFrom", []):
            if reference := source.get("configMapRef"):
                made = cluster.by_name.get(("ConfigMap", reference["name"]), {"data": {}})
                settings |= {sources.variable_key(name): value for name, value in made["data"].items()}
        for one in container.get("env", []):
            settings[sources.variable_key(one["name"])] = one.get("value")
    return settings


def in_cluster(engine, cluster, where, installed=True):
    users = sources.uses()[engine.setting] | sources.verify_uses(engine.setting)
    for (_, name), pod in cluster.pods.items():
        settings = settings_in_cluster(cluster, pod)
        # Where it is an installation says; `alone` there is none.
        needs = {engine.setting, *engine.secrets} if installed else set(engine.secrets)
        if name not in users:
            for key in sorted({engine.setting, *engine.secrets} & set(settings)):
                yield f"{where}: {name} has {key}, which it does not use"
            continue
        for key in sorted(needs - set(settings)):
            yield f"{where}: {name} has no {key}"
        for key in engine.secrets:
            if settings.get(key) is not None:
                yield f"{where}: {name} has the secret {key} in the file"
        if engine.setting == "files.url":
            if any(mount["mountPath"].endswith("/files") for mount in pod["spec"]["containers"][0]["volumeMounts"]):
                yield f"{where}: {name} has a volume for images besides the object store"
            if ("PersistentVolumeClaim", "catalog-files") in cluster.by_name:
                yield f"{where}: there is a claim for images that nobody mounts"
            if installed and not re.fullmatch(r"s3://[a-z0-9.-]+(/.+)?", settings.get("files.url") or ""):
                yield f"{where}: files.url of {name} is no bucket"
    yield from reached(where, cluster, engine.outlets, users, engine.component)


def without(engine, cluster, where):
    for (_, name), pod in cluster.pods.items():
        for key in sorted({engine.setting, *engine.secrets} & set(settings_in_cluster(cluster, pod))):
            yield f"{where}: {name} has {key}; that belongs to components/{engine.component}"
    yield from reached(where, cluster, engine.outlets, set(), engine.component)


def outlets(cluster, ports):
    """The rules that let something out on these ports, each with the pods."""
    for policy in (one for one in cluster.objects if one["kind"] == "NetworkPolicy"):
        for rule in policy["spec"].get("egress", []):
            if ports & {port["port"] for port in rule.get("ports", [])}:
                yield policy["metadata"]["name"], cluster.matching(policy["spec"]["podSelector"]), rule


def reached(where, cluster, ports, users, what):
    may = {name for _, pods, _ in outlets(cluster, ports) for name in pods}
    there = {name for _, name in cluster.pods}
    for name in sorted((users & there) - may):
        yield f"{where}: {name} may not reach {what} ({', '.join(map(str, sorted(ports)))})"
    for name in sorted(may - users):
        yield f"{where}: {name} may reach {what}, which it does not use"


def narrow(ports, cluster):
    for name, _, rule in outlets(cluster, ports):
        blocks = [peer.get("ipBlock", {}) for peer in rule.get("to", [])]
        if not blocks or any(block.get("cidr", "0.0.0.0/0") == "0.0.0.0/0" and not block.get("except") for block in blocks):
            yield f"kubernetes: the policy {name} lets its pods out to everywhere"
