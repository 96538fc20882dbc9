"""The queue of the local scheduler: worker processes of this machine, without a scheduler."""
