#!/usr/bin/env bash
# One would expect: the average precision of boxes does not depend on the numbers that annotations have for names.
# What is so: 0 stands for "no match" in COCOeval, so an object whose annotation is number 0 is never found: a box that
# lies exactly on it is a false alarm, here the most certain one, and the object is missed.
# Why it matters: who numbers annotations from 0, as `enumerate` does, gets 0.0 for one object that was found exactly,
# 0.25 for two and 0.98 for a hundred. A class of few objects, or the test of an evaluation, is wrong by much.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "pycocotools==2.0.11" "numpy==2.4.6"
cd "$work"

"$work/venv/bin/python" - <<'PYTHON'
import contextlib
import io
import json
import sys
from importlib.metadata import version
from pathlib import Path

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

BOX = [10, 10, 50, 50]


def precision(objects, start):
    """Return COCO's average precision where each object, one an image, is found exactly; annotations begin at start."""
    images = [{"id": number, "width": 100, "height": 100, "file_name": f"{number}.png"} for number in range(objects)]
    about = {"category_id": 1, "bbox": BOX, "area": 2500, "iscrowd": 0}
    truth = [about | {"id": number, "image_id": image["id"]} for number, image in enumerate(images, start)]
    held = {"info": {}, "images": images, "annotations": truth, "categories": [{"id": 1, "name": "cat"}]}
    Path("truth.json").write_text(json.dumps(held))
    found = [{"image_id": one["id"], "category_id": 1, "bbox": BOX, "score": 0.9 - one["id"] / 1000} for one in images]
    Path("found.json").write_text(json.dumps(found))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO("truth.json")
        judge = COCOeval(coco, coco.loadRes("found.json"), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return round(float(judge.stats[0]), 3)


seen = {count: (precision(count, 1), precision(count, 0)) for count in (1, 2, 10, 100)}
print("pycocotools", version("pycocotools"))
for count, (one, zero) in seen.items():
    print(f"{count} objects, all found exactly: {one} where annotations begin at 1, {zero} where they begin at 0")

if seen != {1: (1.0, 0.0), 2: (1.0, 0.252), 10: (1.0, 0.811), 100: (1.0, 0.98)}:
    sys.exit("changed: the annotation number 0 counts in another way")
PYTHON
