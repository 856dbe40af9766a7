"""Statistics of paired framing data: pure functions, numbers in, unrounded numbers out.

Nothing here imports the rest of the project. Import the module that is needed
(``from pytest_framing.stats import paired``); this package itself loads nothing.
"""
