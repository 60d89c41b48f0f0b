"""What is worth reading in a long log."""


def why(log: str) -> str:
    """Return the lines that speak of an error, and the last ones."""
    lines = log.splitlines()
    return "\n".join([line for line in lines if "Error" in line or "[error" in line][-20:] + lines[-5:])
