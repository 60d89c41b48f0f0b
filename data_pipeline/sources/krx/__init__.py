"""Market data from the Open API of the Korea Exchange (KRX, 한국거래소)."""
