"""What `kustomize build` makes of a folder, as far as our files use it: resources, components, namespace, labels, images,
configMapGenerator, and patches by strategic merge. Whatever else a kustomization holds is refused rather than left out. Where kustomize itself is
installed, check-deploy compares the two."""

import copy
import hashlib
import pathlib
import re

import yaml

KNOWN = {"apiVersion", "kind", "resources", "components", "namespace", "labels", "images", "configMapGenerator", "patches"}
# By what the entries of a list are told apart in a strategic merge; other lists are replaced.
MERGED_BY = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "topologySpreadConstraints": "topologyKey",
}
CLUSTER_WIDE = {"Namespace"}


class Unknown(Exception):
    """Something that this resolver does not do."""


def documents(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def build(folder, onto=()):
    """All objects of the kustomization in `folder`; of a component, with the objects that it is laid over."""
    folder = pathlib.Path(folder)
    kustomization = documents(folder / "kustomization.yaml")[0]
    if strange := set(kustomization) - KNOWN:
        raise Unknown(f"{folder}/kustomization.yaml: {', '.join(sorted(strange))}")
    objects = list(onto)
    for resource in kustomization.get("resources", []):
        path = folder / resource
        objects += build(path) if path.is_dir() else documents(path)
    for component in kustomization.get("components", []):
        objects = build(folder / component, onto=objects)
    for generator in kustomization.get("configMapGenerator", []):
        objects.append(config_map(folder, generator))
    for patch in kustomization.get("patches", []):
        apply(folder, patch, objects)
    for image in kustomization.get("images", []):
        rename(image, objects)
    for labels in kustomization.get("labels", []):
        if labels.get("includeSelectors"):
            raise Unknown("labels.includeSelectors")
        for one in objects:
            label(one, labels["pairs"], labels.get("includeTemplates", False))
    if namespace := kustomization.get("namespace"):
        for one in objects:
            if one["kind"] not in CLUSTER_WIDE:
                one["metadata"]["namespace"] = namespace
    return objects


def config_map(folder, generator):
    if strange := set(generator) - {"name", "files", "literals"}:
        raise Unknown(f"configMapGenerator: {', '.join(sorted(strange))}")
    data = {pathlib.Path(name).name: (folder / name).read_text() for name in generator.get("files", [])}
    data |= dict(literal.split("=", 1) for literal in generator.get("literals", []))
    # kustomize appends a hash to the name, here and wherever the name is used; what refers to it can be checked without.
    digest = hashlib.sha256(repr(sorted(data.items())).encode()).hexdigest()[:10]
    metadata = {"name": generator["name"], "annotations": {"content": digest}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def apply(folder, patch, objects):
    changes = documents(folder / patch["path"])
    if len(changes) != 1:
        raise Unknown(f"{patch['path']}: a patch is one document")
    change = changes[0]
    target = patch.get("target") or {"kind": change["kind"], "name": change["metadata"]["name"]}
    hit = [one for one in objects if is_target(one, target)]
    if not hit:
        raise Unknown(f"{folder / patch['path']}: the patch is for nothing that is there")
    if change.get("$patch") == "delete":
        objects[:] = [one for one in objects if not any(one is gone for gone in hit)]
        return
    body = {key: value for key, value in change.items() if key not in ("apiVersion", "kind")}
    body["metadata"] = {key: value for key, value in change["metadata"].items() if key != "name"}
    for one in hit:
        merge(one, body)


def is_target(one, target):
    if strange := set(target) - {"kind", "name", "labelSelector"}:
        raise Unknown(f"patches.target: {', '.join(sorted(strange))}")
    labels = one["metadata"].get("labels", {})
    for wanted in filter(None, target.get("labelSelector", "").split(",")):
        key, _, value = wanted.partition("=")
        if labels.get(key) != value:
            return False
    name = one["metadata"]["name"]
    return one["kind"] == target.get("kind", one["kind"]) and bool(re.fullmatch(target.get("name", re.escape(name)), name))


def merge(into, change):
    for key, value in change.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        elif isinstance(value, list) and isinstance(into.get(key), list) and key in MERGED_BY:
            by = MERGED_BY[key]
            # As kustomize does it: what is new stands before what was there.
            new = []
            for entry in value:
                same = next((old for old in into[key] if old.get(by) == entry.get(by)), None)
                if entry.get("$patch") == "delete":
                    if same is None:
                        raise Unknown(f"{key}: {entry[by]} is to be taken away and not there")
                    into[key].remove(same)
                elif same is None:
                    new.append(copy.deepcopy(entry))
                else:
                    merge(same, entry)
            into[key] = new + into[key]
        else:
            into[key] = copy.deepcopy(value)


def templates(one):
    """The pod templates of a workload."""
    spec = one.get("spec", {})
    if one["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return [spec["template"]] if "template" in spec else []


def label(one, pairs, in_templates):
    one["metadata"].setdefault("labels", {}).update(pairs)
    if in_templates and one["kind"] == "CronJob":
        one["spec"]["jobTemplate"].setdefault("metadata", {}).setdefault("labels", {}).update(pairs)
    for template in templates(one) if in_templates else []:
        template.setdefault("metadata", {}).setdefault("labels", {}).update(pairs)


def rename(image, objects):
    found = False
    for one in objects:
        for template in templates(one):
            for container in template["spec"].get("containers", []) + template["spec"].get("initContainers", []):
                if container["image"].partition(":")[0] == image["name"]:
                    found = True
                    container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"
    if not found:
        raise Unknown(f"images: nothing uses {image['name']}")
