"""Writes docs/doctor.md: every fault planted and found, and the cases without one; two minutes, on JAX six.

KERAS_BACKEND=torch python benchmarks/doctor > docs/doctor.md
"""

import contextlib
import sys
import textwrap
import warnings

import keras
from guides import GUIDES, NETWORKS, RECIPES
from plants import PLANTS

import kerastricks as kt
from kerastricks.commands.environment import environment
from kerastricks.diagnosis.examine import CHECKS

INTRODUCTION = """\
`kerastricks.doctor` looks for faults that raise no error: in a compiled Keras model, its data, a history, or a run.
Each finding holds a reason, a number that was seen, and what to do.

```python
findings = kt.doctor(model, (images, labels), validation_data=held_out, epochs=20, batch_size=128)
print(findings)
```

```sh
kerastricks doctor model.keras photos/   # a model, with or without data; or data alone
kerastricks doctor runs/photos-1         # a run of kerastricks train: settings, history, model and data
```

The command prints what it finds and ends with status 1 if there is something, 0 if not, 2 for bad input.

The model, its weights and optimizer and the generators of random numbers stay as they are. What cannot be looked into
is passed over and told (`findings.unseen`). What depends on the length of a run is looked at where `epochs` and
`batch_size`, or a `History`, tell it; callbacks are looked at where they are passed. `sweep=True`, or `--sweep`, runs
the learning rate finder too. A data set of batches is read for up to 1,024 images, and its faults beyond them are not
seen; neither are layers inside layers of one's own. Where neither the file of a model nor its layers tell how images
are scaled, the command asks the model nothing about images.

A finding is certain, or close to it: thresholds stand at the top of the files of `kerastricks/diagnosis/`, and are
set so that the cases below raise none. So a rate that is ten times too high, or weight decay 0.002 in place of 0.01,
is not told.
"""


def main() -> int:
    warnings.simplefilter("ignore")  # a fault that Keras warns of is one all the same
    known = environment()
    versions = ", ".join(f"{name} {number}" for name, number in known["versions"].items())
    planted, missed, noisy = [], 0, 0
    for words, (name, make) in PLANTS.items():
        with contextlib.redirect_stdout(sys.stderr):
            found, clean = kt.doctor(**make(True)), kt.doctor(**make(False))
        hit = next((finding for finding in found if finding.name == name), None)
        missed += hit is None
        noisy += bool(clean)
        planted.append(f"| {words} | {name} | {'no' if hit is None else 'yes'} | {hit.evidence if hit else ''} |")
    cases_tried, alarms, tried = 0, 0, {}
    for title, cases in (("Keras' guides", GUIDES), ("Recipes", RECIPES), ("Networks", NETWORKS)):
        lines = tried.setdefault(title, [])
        for words, make in cases.items():
            with contextlib.redirect_stdout(sys.stderr):
                found = kt.doctor(**make())
            keras.backend.clear_session()
            cases_tried += 1
            alarms += bool(found)
            unseen = f" (not looked at: {'; '.join(found.unseen)})" if found.unseen else ""
            said = "".join(f" **{finding.name}: {finding.evidence}**" for finding in found)
            lines.append(textwrap.fill(f"- {words}{said}{unseen}", 118, subsequent_indent="  "))
    print("# The doctor\n")
    print(INTRODUCTION)
    print("## Faults that were planted\n")
    count = len(PLANTS)
    print(f"{count - missed} of {count} planted faults were found; {noisy} of the same {count} cases without the fault")
    print(f"raised a finding. {len(CHECKS)} checks.\n")
    print("| planted | finding | found | evidence |\n|---|---|---|---|")
    print("\n".join(planted))
    print("\n## Cases without a fault\n")
    print(f"**{alarms} false alarms on {cases_tried} cases**: small copies by hand of the set-ups of Keras' guides and")
    print("examples, every shipped recipe folded over a small network, and networks as they begin.")
    for title, lines in tried.items():
        print(f"\n{title}:\n")
        print("\n".join(lines))
    print()
    said = f"Written by `KERAS_BACKEND={keras.backend.backend()} python benchmarks/doctor`; {versions};"
    print(textwrap.fill(f"{said} {known['hardware']}.", 118))
    return int(bool(missed or alarms or noisy))


if __name__ == "__main__":
    sys.exit(main())
