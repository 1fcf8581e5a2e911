module peerscope

go 1.26
