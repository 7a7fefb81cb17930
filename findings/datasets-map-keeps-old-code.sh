#!/usr/bin/env bash
# One would expect: `Dataset.map` computes anew when its function changed, or anything that the function uses; so says
# the page on its cache.
# What is so: a function that is imported counts by its name alone, be it passed itself or called by the one that is.
# Its module may be edited as one likes: the next run, in a new process, gets the rows that the old code made.
# Why it matters: a repaired preprocessing changes nothing, and a run that says it is of today's commit trained on what
# last week's made; on another machine, or after the cache was cleared, the same commit gives other results.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    "datasets==5.2.0" "dill==0.4.1" "pyarrow==26.0.1" "pandas==3.1.1" "numpy==2.4.6"
cd "$work"
export HF_HOME="$work/cache" HF_HUB_OFFLINE=1

printf 'text\nab\nabcd\n' >texts.csv
cat >lengths.py <<'PYTHON'
def length(row):
    return {"length": len(row["text"])}
PYTHON
cat >train.py <<'PYTHON'
import datasets
from lengths import length

datasets.disable_progress_bars()
texts = datasets.Dataset.from_csv("texts.csv")


def own(row):
    return {"length": len(row["text"])}


print(*[list(texts.map(function)["length"]) for function in (length, lambda row: length(row), own)])
PYTHON
run() { PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" train.py; }

"$work/venv/bin/python" -m pip list --format=freeze --disable-pip-version-check | grep -E '^(datasets|dill)='
echo "imported, called by a lambda, in the script itself"
first=$(run)
sed -i 's/len(row/10 * len(row/' lengths.py train.py
second=$(run)
rm -r cache
third=$(run)
printf 'before: %s\nafter an edit: %s\nwithout the cache: %s\n' "$first" "$second" "$third"

old='[2, 4]' new='[20, 40]'
if [ "$first|$second|$third" != "$old $old $old|$old $old $new|$new $new $new" ]; then
    echo "changed: an edit of an imported function is noticed, or one of the script is not" >&2
    exit 1
fi
