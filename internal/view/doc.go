// Package view decides what people are shown of a map: at which level, without
// which noise, how much of it, in which health and in which words. The map stays
// the truth; a view of it can always be made again, and says what it left out.
//
// Text of a Graph that came from a process is cleaned: nothing in it fails to
// print or turns the direction of what follows. Its attributes are as the map has
// them, for the encoder to escape.
package view
