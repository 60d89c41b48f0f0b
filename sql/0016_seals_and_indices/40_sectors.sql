COMMENT ON TABLE market.index_bar IS 'One session of one index, in points; kis is provisional and has main indices and sectors, krx is official and has every index.';
