package approvals

// tooMuchText says why a's votes hold more text than one object may: each alone is within
// its limits, and 128 of them in a script of three or four bytes a character are not.
func tooMuchText(a Approval) error {
	comments, inputs := 0, 0
	for _, v := range a.Votes {
		comments += len(v.Comment)
		for _, in := range v.Inputs {
			inputs += len(in.Value)
		}
	}
	switch {
	case comments > MaxComments:
		return Errorf(CodeInvalid, "all comments together would have %d bytes and the limit is %d: shorten yours and try again", comments, MaxComments)
	case inputs > MaxInputValues:
		return Errorf(CodeInvalid, "the inputs of all votes together would have %d bytes and the limit is %d: shorten yours and try again", inputs, MaxInputValues)
	}
	return nil
}
