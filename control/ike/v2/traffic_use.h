#pragma once

#include "control/ike/context.h"

// What the data plane knows of an SA's ESP: its children are asked all at once, and whoever wanted to know decides when the
// last answer is in or overdue.
namespace culvert::ike {

void AskTrafficUse(Context& cx, IkeSa& sa);
void OnChildUse(Context& cx, const ChildUse& use);
void OnUseAnswerTimer(Context& cx, IkeSa& sa);

}  // namespace culvert::ike
