package netlink

import (
	"os"
	"testing"

	"peerscope/internal/capture/capturetest"
)

func TestMain(m *testing.M) { os.Exit(capturetest.Main(m)) }
