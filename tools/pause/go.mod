module operator-benchmark/tools/pause

go 1.26.0
