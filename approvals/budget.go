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
		return Errorf(CodeInvalid, "with this one the comments have %d bytes together and the most is %d: shorten it and send it again; nothing was recorded", comments, MaxComments)
	case inputs > MaxInputValues:
		return Errorf(CodeInvalid, "with these the inputs of all votes have %d bytes together and the most is %d: shorten them and send them again; nothing was recorded", inputs, MaxInputValues)
	}
	return nil
}
