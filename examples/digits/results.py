"""Average over the seeds: a table, and a figure.

$ python results.py          # reads logs/, where train.py leaves its runs

Without a script:

$ typedxp table test.accuracy --columns lr --over seed
$ typedxp plot test.accuracy --over seed --band std -o accuracy.png
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure

import typedxp

logs = Path(sys.argv[1] if len(sys.argv) > 1 else "logs")

# The dimensions of the results are what was swept; metrics are read from disk when they are used.
accuracy = typedxp.open_results(logs)["test.accuracy"]

print(accuracy.xp.last().xp.table("optimizer", "lr", over="seed", digits=3))

figure = Figure(figsize=(8, 3), layout="constrained")
axes = figure.subplots(ncols=accuracy.sizes["lr"], sharey=True)
for ax, lr in zip(axes, accuracy["lr"].values, strict=True):
    accuracy.sel(lr=lr).xp.plot.curve(hue="optimizer", over="seed", band="std", ax=ax)
    ax.set(title=f"lr = {lr:g}", xlabel="epoch", ylim=(0.5, 1))
    ax.label_outer()
figure.savefig(logs / "accuracy.png")
print(f"\nLearning curves: {(logs / 'accuracy.png').resolve()}")
