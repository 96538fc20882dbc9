"""Teach a small neural network to read handwritten digits.

One run with the defaults, then one with another optimizer:

$ python train.py
$ python train.py optimizer=adam optimizer.lr=0.01

A sweep of 20 runs. With `-n` it shows what it plans, and runs nothing; with `-j 4`, four run at a time, which pays off
when one of them takes longer than the second that these do.

$ python train.py optimizer=sgd,adam optimizer.lr=0.01,0.1 'seed=range(5)'

Afterwards `python results.py` averages over the seeds.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from sklearn.datasets import load_digits

import typedxp

Array = NDArray[np.float64]
Memory = dict[str, Array]


class SGD(BaseModel):
    """Stochastic gradient descent with momentum."""

    kind: Literal["sgd"] = "sgd"
    lr: float = Field(0.1, gt=0, description="step size")
    momentum: float = Field(0.9, ge=0, lt=1)

    def update(self, weights: Array, gradient: Array, memory: Memory) -> None:
        """Change ``weights`` in place; ``memory`` is what is kept about them from one step to the next."""
        memory["velocity"] = self.momentum * memory.get("velocity", 0 * weights) - self.lr * gradient
        weights += memory["velocity"]


class Adam(BaseModel):
    """Steps of equal size for all weights, whatever their gradients (Kingma and Ba, arXiv:1412.6980)."""

    kind: Literal["adam"] = "adam"
    lr: float = Field(0.001, gt=0, description="step size")
    betas: tuple[float, float] = (0.9, 0.999)

    def update(self, weights: Array, gradient: Array, memory: Memory) -> None:
        """Change ``weights`` in place; ``memory`` is what is kept about them from one step to the next."""
        beta1, beta2 = self.betas
        step = memory["step"] = memory.get("step", np.zeros(())) + 1
        mean = memory["mean"] = beta1 * memory.get("mean", 0 * weights) + (1 - beta1) * gradient
        square = memory["square"] = beta2 * memory.get("square", 0 * weights) + (1 - beta2) * gradient**2
        # Both start at zero; the divisors undo that.
        weights -= self.lr * (mean / (1 - beta1**step)) / (np.sqrt(square / (1 - beta2**step)) + 1e-8)


class Config(BaseModel):
    """What one run needs to know. A value that breaks a rule below is refused before anything starts."""

    seed: int = 0
    epochs: int = Field(20, ge=1)
    batch: int = Field(32, ge=1, description="images per step")
    hidden: int = Field(32, ge=1, description="hidden units")
    # A choice between models becomes a config group: `optimizer=sgd` or `optimizer=adam` on the command line.
    optimizer: SGD | Adam = Field(default_factory=SGD, discriminator="kind")


class Network:
    """One hidden layer: 64 pixels in, 10 digits out. The last row of each matrix is the bias."""

    def __init__(self, hidden: int, rng: np.random.Generator) -> None:
        self.layers = [rng.normal(0, 0.1, (64 + 1, hidden)), rng.normal(0, 0.1, (hidden + 1, 10))]

    def predict(self, images: Array) -> tuple[Array, Array]:
        """Return the hidden units (image, unit) and the probabilities (image, digit)."""
        hidden = np.maximum(0, with_ones(images) @ self.layers[0])
        scores = with_ones(hidden) @ self.layers[1]
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return hidden, odds / odds.sum(axis=1, keepdims=True)

    def gradients(self, images: Array, digits: Array) -> list[Array]:
        """Return the gradient of the mean cross entropy for each layer."""
        hidden, probabilities = self.predict(images)
        at_output = (probabilities - digits) / len(images)
        at_hidden = (at_output @ self.layers[1][:-1].T) * (hidden > 0)
        return [with_ones(images).T @ at_hidden, with_ones(hidden).T @ at_output]

    def score(self, images: Array, digits: Array) -> dict[str, float]:
        """Return the metrics to log: the mean cross entropy, and the part of the images that are read right."""
        probabilities = self.predict(images)[1]
        right = probabilities.argmax(axis=1) == digits.argmax(axis=1)
        return {"loss": -np.log((probabilities * digits).sum(axis=1)).mean(), "accuracy": right.mean()}


def with_ones(rows: Array) -> Array:
    """Add a column of ones, which the bias multiplies."""
    return np.hstack([rows, np.ones((len(rows), 1))])


def load() -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Return images (image, pixel) and digits (image, digit) to train on, and others to test on."""
    images, digits = load_digits(return_X_y=True)
    images, digits = images / 16, np.eye(10)[digits]
    # The same split for every seed.
    order = np.random.default_rng(0).permutation(len(images))
    train, test = order[360:], order[:360]
    return (images[train], digits[train]), (images[test], digits[test])


@typedxp.experiment
def train(config: Config, run: typedxp.Run) -> None:
    """Train a network, and log how well it does after every epoch."""
    rng = np.random.default_rng(config.seed)
    (images, digits), unseen = load()
    network = Network(config.hidden, rng)
    memories: list[Memory] = [{}, {}]
    for _ in range(config.epochs):
        for batch in np.array_split(rng.permutation(len(images)), len(images) // config.batch):
            gradients = network.gradients(images[batch], digits[batch])
            for weights, gradient, memory in zip(network.layers, gradients, memories, strict=True):
                config.optimizer.update(weights, gradient, memory)
        run.log_metrics(network.score(images, digits), stream="train")
        run.log_metrics(network.score(*unseen), stream="test")


if __name__ == "__main__":
    train.main()
