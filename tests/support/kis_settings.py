"""The variables that lead a source or the command to an emulated KIS server."""

from data_pipeline.emulator.process import APP_KEY, APP_SECRET

RATE = 100


def kis_settings(emulator, folder):
    """Return them; the folder holds the state that processes share."""
    return {
        "KIS_APP_KEY": APP_KEY,
        "KIS_APP_SECRET": APP_SECRET,
        "KIS_API_BASE_URL_REAL": emulator.url,
        "KIS_MASTER_BASE_URL": emulator.url,
        "KIS_USE_VIRTUAL_SERVER": "false",
        "KIS_API_RATE_LIMIT": str(RATE),
        "COORDINATION_URL": folder.as_uri(),
    }
