#!/usr/bin/env bash
# One would expect: `dvc metrics diff` lists the metrics that changed, and no others.
# What is so: a list of values, say one a seed, is left out though it changed; a NaN that did not change is listed.
# Why it matters: a review that relies on the difference misses that a seed fell from 0.91 to 0.51, with exit code 0 and
# no word, and reads a change where there is none. The files themselves have to be compared.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "dvc==3.67.1"
mkdir "$work/project"
cd "$work/project"
export PATH="$work/venv/bin:$PATH" DVC_NO_ANALYTICS=1 HOME="$work"
commit() { git -c user.name=someone -c user.email=someone@example.org commit --quiet --message "$1"; }

git init --quiet .
dvc init --quiet
printf 'metrics:\n- metrics.json\n' >dvc.yaml
echo '{"seeds": [0.91, 0.92], "best": 0.92, "calibration": NaN}' >metrics.json
git add --all
commit "before"
echo '{"seeds": [0.51, 0.92], "best": 0.92, "calibration": NaN}' >metrics.json

seen=$(dvc metrics diff --json)
echo "dvc $(dvc --version)"
git --no-pager diff --unified=0 metrics.json | tail -n 2
echo "dvc metrics diff: $seen"

if [ "$seen" != '{"metrics.json": {"calibration": {"old": NaN, "new": NaN, "diff": NaN}}}' ]; then
    echo "changed: another difference is told" >&2
    exit 1
fi
