package server

// CheckFiles fails on files of the configuration that New would refuse, and opens
// no address.
func (c Config) CheckFiles() error {
	if _, err := newDoor(&c); err != nil {
		return err
	}
	_, err := tlsConfig(&c)
	return err
}
