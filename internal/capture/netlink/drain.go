package netlink

// poll is receive without waiting: it takes what is there.
func (c *conn) poll(each func(msgType uint16, payload []byte) error) (more, overrun bool, err error) {
	if c.batch == nil {
		c.batch = newBatch()
		c.batchOnce = c.tryBatch
	}
	if c.pollOnce == nil {
		c.pollOnce = func(fd uintptr) bool {
			if !c.tryBatch(fd) {
				c.got, c.gotErr = 0, nil
			}
			return true
		}
	}
	return c.takeBatch(c.pollOnce, each)
}
