#!/usr/bin/env python3
"""Checks the chart without Helm: renders the part of the template language it uses, for several sets of values, and looks at
what comes out. `helm lint packaging/helm/confab` checks the same and more where Helm is at hand.

    python3 packaging/helm/check.py [confab-server]      with a server, the made configuration is checked by it too

Anything in a template that is not known here is an error: keep the templates plain."""

import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

CHART = pathlib.Path(__file__).parent / "confab"
TAG = re.compile(r"\{\{(-?)\s*(.*?)\s*(-?)\}\}", re.S)


class Missing(Exception):
    """`required` was given nothing."""


def tokens(text):
    """Text and tags in turn, white space eaten where a tag says so."""
    parts, at = [], 0
    for tag in TAG.finditer(text):
        before = text[at : tag.start()]
        parts.append(("text", before.rstrip(" \t\n") if tag[1] else before))
        parts.append(("tag", tag[2], bool(tag[3])))
        at = tag.end()
    parts.append(("text", text[at:]))
    eat = False
    for part in parts:
        if part[0] == "text":
            yield ("text", part[1].lstrip() if eat else part[1])
        else:
            eat = part[2]
            yield ("tag", part[1])


def value(path, scope):
    found = scope
    for name in path.strip(".").split("."):
        if not isinstance(found, dict) or name not in found:
            raise KeyError(f"{path} is not in values.yaml")
        found = found[name]
    return found


def evaluate(expression, scope):
    first, *pipes = [part.strip() for part in expression.split(" | ")]
    needed = re.fullmatch(r'required "([^"]*)" (\S+)', first)
    result = value(needed[2] if needed else first, scope)
    if needed and result in ("", None):
        raise Missing(needed[1])
    for pipe in pipes:
        name, *arguments = pipe.split()
        if name == "quote":
            result = json.dumps(str(result))
        elif name == "toJson":
            result = json.dumps(result)
        elif name == "toYaml":
            result = yaml.safe_dump(result, default_flow_style=False).rstrip("\n")
        elif name == "nindent":
            room = " " * int(arguments[0])
            result = "\n" + "\n".join(room + line for line in str(result).splitlines())
        else:
            raise ValueError(f"unknown function {name}")
    return result


def render(text, scope):
    out, live = [], [True]
    for kind, content in tokens(text):
        if kind == "text":
            if all(live):
                out.append(content)
        elif content.startswith("if "):
            # Looked up also where it is not reached, so that a misspelt value shows.
            live.append(bool(value(content[3:], scope)))
        elif content == "else":
            live[-1] = not live[-1]
        elif content == "end":
            live.pop()
            assert live, "one `end` too many"
        else:
            result = evaluate(content, scope)
            if all(live):
                out.append(str(result))
    assert len(live) == 1, "an `if` without its `end`"
    return "".join(out)


def rendered(change):
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    scope = {"Values": copy.deepcopy(values), "Release": {"Name": "talk"}, "Chart": chart}
    for path, new in change.items():
        *way, last = path.split(".")
        into = scope["Values"]
        for name in way:
            into = into[name]
        assert last in into, path
        into[last] = new
    files = sorted((CHART / "templates").glob("*.yaml"))
    return {d["kind"]: d for d in (yaml.safe_load(render(f.read_text(), scope)) for f in files)}


def check(objects, server):
    assert set(objects) == {"ConfigMap", "Service", "StatefulSet"}, set(objects)
    for thing in objects.values():
        assert thing["apiVersion"] and thing["metadata"]["name"] == "talk-confab"
    stateful = objects["StatefulSet"]["spec"]
    pod = stateful["template"]["spec"]
    (container,) = pod["containers"]
    assert stateful["selector"]["matchLabels"] == stateful["template"]["metadata"]["labels"]
    assert stateful["serviceName"] == objects["Service"]["metadata"]["name"]
    volumes = {v["name"] for v in pod["volumes"]} | {c["metadata"]["name"] for c in stateful["volumeClaimTemplates"]}
    mounts = {m["name"] for m in container["volumeMounts"]}
    assert mounts == volumes, (mounts, volumes)
    assert pod["securityContext"]["runAsNonRoot"] and pod["hostNetwork"]
    limits = container["securityContext"]
    assert limits["capabilities"] == {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]} and limits["readOnlyRootFilesystem"]
    ports = {(p["containerPort"], p["protocol"]) for p in container["ports"]}
    assert len(ports) == 2 and {protocol for _, protocol in ports} == {"TCP", "UDP"}
    assert container["resources"]["requests"]["memory"]
    probes = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("liveness", "readiness")}
    assert probes == {"liveness": "/healthz", "readiness": "/readyz"}, probes
    config = objects["ConfigMap"]["data"]["confab.toml"]
    if server:
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(config)
            file.flush()
            subprocess.run([server, "config", "check", file.name], check=True)
    return pod, config


def main():
    server = sys.argv[1] if len(sys.argv) > 1 else None
    url = {"publicUrl": "https://meet.example.org"}
    pod, config = check(rendered({**url, "tls.secret": "meet-tls", "publicAddresses": ["203.0.113.5"], "database": "postgres://confab@db/confab", "nodeSelector": {"media": "yes"}}), server)
    assert 'public_addresses = ["203.0.113.5"]' in config and "[tls]" in config and pod["nodeSelector"] == {"media": "yes"}
    assert config.index('database = "postgres://confab@db/confab"') < config.index("[tls]")
    pod, config = check(rendered({**url, "behindProxy": True, "port": 8480, "storage.class": "fast", "extraConfig": "[log]\nformat = \"json\""}), server)
    assert "behind_proxy = true" in config and "[tls]" not in config and "database =" not in config and 'format = "json"' in config
    try:
        rendered({})
    except Missing:
        pass
    else:
        raise AssertionError("a chart without a public URL has to be refused")
    print("the chart is well")


if __name__ == "__main__":
    main()
