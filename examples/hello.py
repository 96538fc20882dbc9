"""The shortest experiment: the signature of a function is the schema of its config.

$ python examples/hello.py
$ python examples/hello.py name=you times=3
$ python examples/hello.py name=you,me times=1,2      # a comma sweeps: 4 runs
"""

import typedxp


@typedxp.experiment
def greet(run: typedxp.Run, name: str = "world", times: int = 1) -> None:
    """Greet somebody, and log how many letters that took."""
    greeting = f"Hello, {name}! " * times
    print(greeting)
    run.log(letters=len(greeting))


if __name__ == "__main__":
    greet.main()
