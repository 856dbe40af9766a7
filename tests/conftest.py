from hypothesis import settings

# A change is not held up by an example that chance draws for it, nor by a machine that stalls: the same examples every
# time and no deadline. `python -m bench.fuzz` is what looks for new ones.
settings.register_profile("gate", derandomize=True, deadline=None)
settings.load_profile("gate")
