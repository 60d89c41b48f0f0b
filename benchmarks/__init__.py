"""Speed and memory, measured as ratios against a peer or a limit in one run; never part of the tests."""
