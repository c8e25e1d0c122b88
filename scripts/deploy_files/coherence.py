"""Whether the files under deploy/ agree with each other and with the program."""

import json
import re
import tomllib

import yaml

from . import kustomize, sources

ROOT = sources.ROOT
DEPLOY = ROOT / "deploy"
CALLS, INTERNAL, VISITORS = 7001, 7002, 8080
# Engines that Prometheus asks by themselves: the job, its port, its path.
ENGINES_METRICS = {"rabbitmq": ("rabbitmq", 15692, "/metrics"), "rabbitmq-queues": ("rabbitmq", 15692, "/metrics/detailed")}


def dockerfile():
    """The targets, each with its command line and ports."""
    targets, name = {}, None
    for line in (DEPLOY / "Dockerfile").read_text().splitlines():
        if stage := re.match(r"FROM \S+ AS (\S+)", line):
            name = stage.group(1)
            targets[name] = {"command": [], "ports": set()}
        elif line.startswith("CMD "):
            targets[name]["command"] = json.loads(line.removeprefix("CMD "))
        elif line.startswith("EXPOSE "):
            targets[name]["ports"] = {int(port) for port in line.split()[1:]}
    return targets


def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def ours(services):
    """The services of a compose file that run this program, with the target of their image."""
    found = {}
    for name, service in services.items():
        image = re.match(r"\$\{IMAGE_PREFIX:-souk\}/(\w+):", service.get("image", ""))
        if image:
            found[name] = image.group(1)
    return found


def check(rendered):
    """All faults, as lines. `rendered` are the objects of the production overlay."""
    faults = []
    for part in (images, composition, scraping, dashboards, settings, workflows):
        faults += part()
    cluster = Cluster(rendered)
    for part in (cluster.workloads, cluster.references, cluster.rollouts, cluster.networks):
        faults += part()
    return faults


def images():
    targets = dockerfile()
    for name in [*sources.services(), sources.GATEWAY]:
        target = targets.get(name)
        if target is None:
            yield f"Dockerfile: no target {name}"
            continue
        port = VISITORS if name == sources.GATEWAY else CALLS
        if target["command"][:2] != ["serve", name] or f"0.0.0.0:{port}" not in target["command"]:
            yield f"Dockerfile: {name} does not serve {name} on {port}"
        if target["ports"] != {port, INTERNAL}:
            yield f"Dockerfile: {name} exposes {sorted(target['ports'])}, not {port} and {INTERNAL}"
    for name, start in (("souk", "serve"), ("migrate", "migrate")):
        if targets.get(name, {}).get("command", [""])[:1] != [start]:
            yield f"Dockerfile: no target {name} that begins with `{start}`"
    for name, target in targets.items():
        if target["command"] and "/etc/souk/souk.toml" not in target["command"]:
            yield f"Dockerfile: {name} does not read /etc/souk/souk.toml"
    if list(targets)[-1] != "souk":
        yield "Dockerfile: the last target is not souk"
    wanted = re.search(r'rust-version = "([\d.]+)"', sources.text("Cargo.toml")).group(1)
    has = re.search(r"ARG RUST_VERSION=([\d.]+)", sources.text("deploy/Dockerfile")).group(1)
    if tuple(map(int, has.split("."))) < tuple(map(int, wanted.split("."))):
        yield f"Dockerfile: Rust {has}, but the workspace needs {wanted}"
    version = re.search(r'^version = "([\d.]+)"', sources.text("Cargo.toml"), re.M).group(1)
    if f"ARG VERSION={version}\n" not in sources.text("deploy/Dockerfile"):
        yield f"Dockerfile: VERSION is not the workspace's, {version}"


def composition():
    services = compose()["services"]
    program, targets = ours(services), dockerfile()
    for name in [*sources.services(), sources.GATEWAY, "migrate"]:
        if program.get(name) != name or services[name].get("build", {}).get("target") != name:
            yield f"compose: no service {name} with an image of its own target"
    for name, target in program.items():
        service = services[name]
        if target not in targets:
            yield f"compose: {name} wants the target {target}"
        if not service.get("read_only") or service.get("cap_drop") != ["ALL"]:
            yield f"compose: {name} may write to its file system, or has capabilities"
        if "no-new-privileges:true" not in service.get("security_opt", []):
            yield f"compose: {name} may gain privileges"
    drain = sources.default_drain_limit() + sources.events_drain()
    for name in [*sources.services(), sources.GATEWAY]:
        grace = int(services[name].get("stop_grace_period", "10s").rstrip("s"))
        if grace <= drain:
            yield f"compose: {name} is killed after {grace} s, but may take {drain} s to end"
        mounts = [mount.get("target") if isinstance(mount, dict) else mount.split(":")[1] for mount in services[name]["volumes"]]
        written = mounts + [path.split(":")[0] for path in services[name].get("tmpfs", [])]
        if "/var/lib/souk" not in written:
            yield f"compose: {name} has no place to write to"
        certificate = services[name]["environment"].get("SOUK_TLS__CERT")
        if certificate != f"/etc/souk/tls/{name}.pem":
            yield f"compose: {name} shows the certificate {certificate}"
    # Two of them only where the gateway is concerned: docs/operations.md says why.
    twice = {name for name in program if services[name].get("deploy", {}).get("replicas", 1) > 1}
    if twice != {sources.GATEWAY}:
        yield f"compose: {sorted(twice)} run more than once, not the gateway alone"
    yield from peers("compose/souk.toml")


def peers(path):
    config = tomllib.loads((DEPLOY / path).read_text())
    every = sources.services()
    if sorted(config["peers"]) != sorted(every):
        yield f"{path}: peers are {sorted(config['peers'])}, not {sorted(every)}"
    for name, addresses in config["peers"].items():
        if addresses != [f"dns:{name}:{CALLS}"]:
            yield f"{path}: peers.{name} is {addresses}, not the instances of {name} on {CALLS}"
    if config["gateway"]["internal_listen"] != f"0.0.0.0:{INTERNAL}":
        yield f"{path}: gateway.internal_listen is not on {INTERNAL}"


def scraping():
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    jobs = {}
    for job in config["scrape_configs"]:
        for found in job.get("dns_sd_configs", []):
            jobs[job["job_name"]] = (found["names"], found["port"])
    for name in [*sources.services(), sources.GATEWAY]:
        if jobs.pop(name, None) != ([name], INTERNAL):
            yield f"prometheus.yml: {name} is not scraped on {INTERNAL}"
    paths = {job["job_name"]: job.get("metrics_path", "/metrics") for job in config["scrape_configs"]}
    for name, (host, port, path) in ENGINES_METRICS.items():
        if jobs.pop(name, None) != ([host], port) or paths[name] != path:
            yield f"prometheus.yml: {name} is not scraped at {host}:{port}{path}"
        if host not in compose()["services"]:
            yield f"prometheus.yml: compose has no {host}"
    for name in jobs:
        yield f"prometheus.yml: there is no service {name}"


def dashboards():
    known = sources.metrics()
    used = {}
    for path in [*(DEPLOY / "grafana/dashboards").glob("*.json"), DEPLOY / "prometheus/rules.yml", DEPLOY / "prometheus/rules.test.yml"]:
        content = path.read_text()
        if path.suffix == ".json":
            board = json.loads(content)
            shown = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
            shown += [variable["query"]["query"] for variable in board["templating"]["list"] if isinstance(variable["query"], dict)]
            places = [(one["x"], one["y"], one["w"], one["h"]) for one in (panel["gridPos"] for panel in board["panels"])]
            if len(set(places)) != len(places) or any(x + w > 24 for x, _, w, _ in places):
                yield f"{path.name}: panels lie on each other, or beyond the edge"
            content = "\n".join(shown)
        for name in re.findall(r"\bsouk_[a-z_]+", content):
            used.setdefault(name, path.name)
    for name, where in sorted(used.items()):
        if name not in known and re.sub(r"_(bucket|sum|count)$", "", name) not in known:
            yield f"{where}: nothing in the sources counts {name}"


def settings():
    known = sources.setting_keys()
    for path in sorted(DEPLOY.rglob("souk.toml")):
        for key in sources.flat(tomllib.loads(path.read_text())):
            if key not in known:
                yield f"{path.relative_to(ROOT)}: there is no setting {key}"
    for path in [*sorted(DEPLOY.rglob("*")), *sorted((ROOT / ".github").rglob("*")), ROOT / "docs/operations.md"]:
        if not path.is_file() or path.suffix not in {"", ".yaml", ".yml", ".sh", ".md"}:
            continue
        for name in sorted(set(re.findall(r"\bSOUK_[A-Za-z0-9_]+", path.read_text()))):
            # A prefix, as of `envFrom`: there must be something below it.
            below = name.endswith("_") and any(key.startswith(sources.variable_key(name).rstrip(".") + ".") for key in known)
            if not below and not name.startswith("SOUK_TEST_") and sources.variable_key(name) not in known:
                yield f"{path.relative_to(ROOT)}: {name} sets nothing"


def workflows():
    for path in sorted((ROOT / ".github/workflows").glob("*.yml")):
        workflow = yaml.safe_load(path.read_text())
        if workflow.get("permissions") != {"contents": "read"}:
            yield f"{path.name}: whatever says nothing else may do more than read"
        for name, job in workflow["jobs"].items():
            if "timeout-minutes" not in job:
                yield f"{path.name}: {name} has no time limit"
            for step in job["steps"]:
                if "uses" in step and not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", step["uses"]):
                    yield f"{path.name}: {step['uses']} is not pinned to a commit"
                if re.search(r"\$\{\{\s*(github|inputs)\.", step.get("run", "")):
                    yield f"{path.name}: {name} puts words of others into a script; hand them over as variables"
    published = yaml.safe_load((ROOT / ".github/workflows/images.yml").read_text())["jobs"]["publish"]["strategy"]["matrix"]["image"]
    runs = {name for name, target in dockerfile().items() if target["command"]}
    if set(published) != runs:
        yield f"images.yml: publishes {sorted(set(published) ^ runs)} and the Dockerfile's targets differ"
    rust = re.search(r"ARG RUST_VERSION=(\S+)", sources.text("deploy/Dockerfile")).group(1)
    if f"RUST_VERSION: {rust}\n" not in sources.text(".github/workflows/ci.yml"):
        yield f"ci.yml: tests with another Rust than the images are built with, {rust}"


class Cluster:
    """The rendered manifests."""

    def __init__(self, objects):
        self.objects = objects
        self.by_name = {(one["kind"], one["metadata"]["name"]): one for one in objects}
        self.config = tomllib.loads(self.by_name["ConfigMap", "souk"]["data"]["souk.toml"])
        self.pods = {}
        for one in objects:
            for template in kustomize.templates(one):
                self.pods[one["kind"], one["metadata"]["name"]] = template

    def workloads(self):
        for name in [*sources.services(), sources.GATEWAY]:
            pod, service = self.pods.get(("Deployment", name)), self.by_name.get(("Service", name))
            if pod is None or service is None:
                yield f"kubernetes: {name} has no Deployment, or no Service"
                continue
            container = pod["spec"]["containers"][0]
            if not re.search(rf"/{name}:[\w.-]+$", container["image"]):
                yield f"kubernetes: {name} runs the image {container['image']}"
            expected = {VISITORS if name == sources.GATEWAY else CALLS, INTERNAL}
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            if set(ports.values()) != expected:
                yield f"kubernetes: {name} has the ports {ports}, not {sorted(expected)}"
            if ports.get(service["spec"]["ports"][0]["targetPort"]) not in expected - {INTERNAL}:
                yield f"kubernetes: the Service of {name} leads to no port"
            if (name != sources.GATEWAY) != (service["spec"].get("clusterIP") == "None"):
                yield f"kubernetes: the Service of {name} should be headless, as that of the gateway should not"
            if pod["metadata"]["annotations"].get("prometheus.io/port") != str(INTERNAL):
                yield f"kubernetes: {name} is not scraped on {INTERNAL}"
            urls = [one["name"] for one in container["env"] if one["name"].startswith("SOUK_DATABASE__")]
            if urls != ([] if name == sources.GATEWAY else [f"SOUK_DATABASE__SERVICES__{name.upper()}"]):
                yield f"kubernetes: {name} reaches the databases {urls}, not its own alone"
        for (kind, name), pod in self.pods.items():
            yield from hardened(f"kubernetes: {kind} {name}", pod["spec"])
        yield from peers("kubernetes/base/souk.toml")

    def references(self):
        if any(one["kind"] == "Secret" for one in self.objects):
            yield "kubernetes: a secret stands in a file"
        named, keys = set(), set()
        for (kind, name), pod in self.pods.items():
            spec = pod["spec"]
            volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
            for volume in volumes.values():
                if "configMap" in volume and ("ConfigMap", volume["configMap"]["name"]) not in self.by_name:
                    yield f"kubernetes: {name} wants the ConfigMap {volume['configMap']['name']}"
                if claim := volume.get("persistentVolumeClaim"):
                    if ("PersistentVolumeClaim", claim["claimName"]) not in self.by_name:
                        yield f"kubernetes: {name} wants the claim {claim['claimName']}"
                if secret := volume.get("secret"):
                    named.add(secret["secretName"])
                    keys |= {(secret["secretName"], item["key"]) for item in secret.get("items", [])}
            for container in spec["containers"]:
                for mount in container.get("volumeMounts", []):
                    if mount["name"] not in volumes:
                        yield f"kubernetes: {name} mounts {mount['name']}, which is no volume"
                for variable in container.get("env", []):
                    if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                        named.add(reference["name"])
                        keys.add((reference["name"], reference["key"]))
                        if reference.get("optional"):
                            yield f"kubernetes: {name} starts without the secret {reference['name']}"
                    elif re.search(r"URL|SECRET|PASSWORD|ACCESS_KEY", variable["name"]):
                        yield f"kubernetes: {name} has the secret {variable['name']} in the file"
                for source in container.get("envFrom", []):
                    if secret := source.get("secretRef"):
                        named.add(secret["name"])
                    elif ("ConfigMap", source["configMapRef"]["name"]) not in self.by_name:
                        yield f"kubernetes: {name} wants the ConfigMap {source['configMapRef']['name']}"
            if spec.get("serviceAccountName") and ("ServiceAccount", spec["serviceAccountName"]) not in self.by_name:
                yield f"kubernetes: {name} wants the account {spec['serviceAccountName']}"
        guide = sources.text("docs/operations.md")
        for secret in sorted(named):
            general = re.sub(r"^souk-tls-\w+$", "souk-tls-", secret)
            if f"`{secret}`" not in guide and f"{general}" not in guide:
                yield f"docs/operations.md does not say how the secret {secret} is made"
        for secret, key in sorted(keys):
            if not re.search(rf"^\| `{secret}` \|[^|]*`{re.escape(key)}`", guide, re.M):
                yield f"docs/operations.md does not say what the key {key} of the secret {secret} is"
        for one in self.objects:
            if one["kind"] == "ConfigMap" and re.search(r"SECRET|PASSWORD|ACCESS_KEY|://[^/\s]*:[^/\s]*@", json.dumps(one["data"])):
                yield f"kubernetes: the ConfigMap {one['metadata']['name']} holds a secret"
        for one in self.objects:
            kind, name = one["kind"], one["metadata"]["name"]
            if kind == "Service" and not self.selected(one["spec"]["selector"]):
                yield f"kubernetes: the Service {name} is for no pod"
            if kind == "PodDisruptionBudget" and not self.selected(one["spec"]["selector"]["matchLabels"]):
                yield f"kubernetes: the budget {name} is for no pod"
            if kind == "HorizontalPodAutoscaler":
                target = one["spec"]["scaleTargetRef"]
                workload = self.by_name.get((target["kind"], target["name"]))
                if workload is None or "replicas" in workload["spec"]:
                    yield f"kubernetes: {name} is scaled but not there, or has a fixed number of pods as well"
                elif target["name"] != sources.GATEWAY:
                    yield f"kubernetes: {name} would run more than once"
            if kind == "Ingress":
                for rule in one["spec"]["rules"]:
                    for path in rule["http"]["paths"]:
                        backend = path["backend"]["service"]
                        service = self.by_name.get(("Service", backend["name"]))
                        if service is None or backend["port"]["name"] not in {port.get("name") for port in service["spec"]["ports"]}:
                            yield f"kubernetes: the Ingress leads to {backend}, which is not there"
            if kind == "Deployment" and one["spec"].get("replicas", 1) != 1:
                yield f"kubernetes: {name} runs {one['spec']['replicas']} times"

    def selected(self, labels):
        return [name for name, pod in self.pods.items() if labels.items() <= pod["metadata"]["labels"].items()]

    def rollouts(self):
        drain_limit = int(self.config["gateway"].get("drain_limit", "10s").rstrip("s"))
        paths = sources.health_paths()
        for (kind, name), pod in self.pods.items():
            if kind != "Deployment":
                continue
            rolling = self.by_name[kind, name]["spec"]["strategy"].get("rollingUpdate", {})
            if rolling.get("maxUnavailable") != 0 or not rolling.get("maxSurge"):
                yield f"kubernetes: {name} is taken away before another is there"
            container = pod["spec"]["containers"][0]
            pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
            # A name may be answered from a cache that is as old as a caller's own answer.
            if pause < 2 * sources.look_up_every():
                yield f"kubernetes: {name} stops {pause} s after its address was taken back, before all callers know"
            needs = pause + drain_limit + sources.events_drain()
            if pod["spec"]["terminationGracePeriodSeconds"] < needs + 5:
                yield f"kubernetes: {name} is killed before {needs} s have passed, which it may take to end"
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                asked = container[probe]["httpGet"]
                if asked["path"] not in paths or asked["port"] != "internal":
                    yield f"kubernetes: the {probe} of {name} asks {asked}"
            if container["readinessProbe"]["httpGet"]["path"] != "/health/ready":
                yield f"kubernetes: the readiness of {name} is not asked"

    def networks(self):
        policies = [one for one in self.objects if one["kind"] == "NetworkPolicy"]
        everything = [one for one in policies if one["spec"]["podSelector"] == {} and "ingress" not in one["spec"] and "egress" not in one["spec"]]
        if not any(set(one["spec"]["policyTypes"]) == {"Ingress", "Egress"} for one in everything):
            yield "kubernetes: what no policy names is allowed"
        for policy in policies:
            if not self.matching(policy["spec"]["podSelector"]):
                yield f"kubernetes: the policy {policy['metadata']['name']} is for no pod"
        names = {name for kind, name in self.pods if kind == "Deployment"}
        sent, taken = set(), set()
        for policy in policies:
            for name in self.matching(policy["spec"]["podSelector"]):
                for rule in policy["spec"].get("egress", []):
                    ports = {port["port"] for port in rule.get("ports", [])}
                    sent |= {(name, other) for other in self.others(rule.get("to")) if CALLS in ports}
                for rule in policy["spec"].get("ingress", []):
                    ports = {port["port"] for port in rule.get("ports", [])}
                    taken |= {(other, name) for other in self.others(rule.get("from")) if "calls" in ports}
        sent = {edge for edge in sent if set(edge) <= names}
        taken = {edge for edge in taken if set(edge) <= names}
        wanted = sources.edges()
        for caller, callee in sorted(set(wanted) - (sent & taken)):
            yield f"kubernetes: {caller} may not reach {callee} ({', '.join(sorted(wanted[caller, callee]))})"
        for caller, callee in sorted((sent | taken) - set(wanted)):
            yield f"kubernetes: {caller} may reach {callee}, which it never calls"

    def matching(self, selector):
        found = set()
        for (_, name), pod in self.pods.items():
            labels = pod["metadata"]["labels"]
            fits = selector.get("matchLabels", {}).items() <= labels.items()
            for expression in selector.get("matchExpressions", []):
                if expression["operator"] != "In":
                    raise kustomize.Unknown(f"the operator {expression['operator']} of a selector")
                fits &= labels.get(expression["key"]) in expression["values"]
            if fits:
                found.add(name)
        return found

    def others(self, peers):
        """The pods of this namespace that a rule names."""
        for peer in peers or []:
            if "podSelector" in peer and "namespaceSelector" not in peer:
                yield from self.matching(peer["podSelector"])


def hardened(who, spec):
    context = spec.get("securityContext", {})
    if not context.get("runAsNonRoot") or context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield f"{who} may run as root, or without seccomp"
    if spec.get("automountServiceAccountToken") is not False:
        yield f"{who} has a token of the cluster"
    if "topologySpreadConstraints" not in spec and "restartPolicy" not in spec:
        yield f"{who} may have all its pods on one node"
    for container in spec["containers"]:
        own = container.get("securityContext", {})
        if own.get("allowPrivilegeEscalation") is not False or not own.get("readOnlyRootFilesystem") or own.get("capabilities", {}).get("drop") != ["ALL"]:
            yield f"{who} may write to its file system, gain privileges, or has capabilities"
        resources = container.get("resources", {})
        if not {"cpu", "memory"} <= set(resources.get("requests", {})) or "memory" not in resources.get("limits", {}):
            yield f"{who} does not say what it needs of processor and memory"
