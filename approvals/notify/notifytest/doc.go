// Package notifytest is what every channel that speaks HTTP must pass: how it takes
// each answer, what its errors may say, and what it makes of hostile text.
package notifytest
