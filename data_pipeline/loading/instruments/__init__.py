"""Which instruments (종목) were listed when, from every list that was loaded."""
