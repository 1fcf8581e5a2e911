// Package layout finds places for nodes that do not move. A node keeps its exact
// place as long as it is there, and for a while after it went; new ones take what
// is free near to what they talk to. Only a layout that is begun anew moves nodes.
//
// Callers stand left of what they call, in columns. Each group has rows of its
// own over all columns, its band, so that its box can grow to either side without
// meeting another. External clients stand left of all bands and external servers
// right of them, in margins that grow outwards. A band that others follow below
// cannot grow any further: when it is full, the group goes on in another one.
package layout
