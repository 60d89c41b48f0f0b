"""The live service, whichever vendor it listens to: who subscribes to what, what was missed, and what is written."""
