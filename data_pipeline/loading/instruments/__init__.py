"""Which instruments (종목) were listed when, out of every list that was loaded."""
