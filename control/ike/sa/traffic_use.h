#pragma once

#include "control/ike/context.h"

// What the data plane knows of an SA's ESP: its children are asked all at once, and who wanted to know (SaBase::use) decides
// when the last answer is in or overdue.
namespace culvert::ike {

// True: answers are awaited, kUseAnswer is armed. False: there is nobody to ask.
bool QueryUse(Context& cx, SaBase& sa);
// True: it was the last answer.
bool NoteUse(SaBase& sa, const ChildUse& use);
// No more is waited for.
void EndQuery(Context& cx, SaBase& sa);

}  // namespace culvert::ike
