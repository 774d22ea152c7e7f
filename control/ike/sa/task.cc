#include "control/ike/sa/task.h"

#include "control/ike/context.h"

namespace culvert::ike {

void FailTask(Context& cx, const Task& task, std::string_view why) {
  bool granted = task.kind == Task::Kind::kDeleteChild || task.kind == Task::Kind::kDeleteIke;
  cx.Answer(task.request, granted ? std::string_view{} : why);
}

}  // namespace culvert::ike
