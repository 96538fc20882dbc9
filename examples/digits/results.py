"""Average over the seeds: a table, and a figure.

$ python results.py          # reads logs/, where train.py leaves its runs
"""

import sys
from pathlib import Path

import xarray
from matplotlib.figure import Figure

import typedxp

logs = Path(sys.argv[1] if len(sys.argv) > 1 else "logs")

# The dimensions of the results are what was swept; metrics are read from disk when they are used.
results = typedxp.open_results(logs)
accuracy = results["test.accuracy"]
mean, deviation = accuracy.mean("seed"), accuracy.std("seed")

table = xarray.apply_ufunc(
    lambda m, s: f"{m:.3f} ± {s:.3f}",
    mean.isel({"test.step": -1}),
    deviation.isel({"test.step": -1}),
    vectorize=True,
    output_dtypes=[object],
).to_pandas()
print(f"Accuracy on the test images, mean ± standard deviation over {accuracy.sizes['seed']} seeds:\n\n{table}")

figure = Figure(figsize=(8, 3), layout="constrained")
axes = figure.subplots(ncols=mean.sizes["lr"], sharey=True)
for axis, lr in zip(axes, mean["lr"].values, strict=True):
    for optimizer in mean["optimizer"].values:
        middle, spread = (values.sel(lr=lr, optimizer=optimizer) for values in (mean, deviation))
        axis.plot(middle["test.step"] + 1, middle, label=optimizer)
        axis.fill_between(middle["test.step"] + 1, middle - spread, middle + spread, alpha=0.2)
    axis.set(title=f"lr = {lr:g}", xlabel="epoch", ylim=(0.5, 1))
axes[0].set_ylabel("test accuracy")
axes[0].legend()
figure.savefig(logs / "accuracy.png")
print(f"\nLearning curves: {(logs / 'accuracy.png').resolve()}")
