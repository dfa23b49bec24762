"""What is said once after something was done, by the code that a cookie carries."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from county_gov.contract.text import Text
from county_gov.server.render import Flash

FLASHES: Mapping[str, Flash] = MappingProxyType(
    {
        "moved": Flash(
            Text(zh="已提交，记录已保存。", en="Done, and recorded."),
            Text(zh="事项已转入下一环节。", en="The case has gone on to its next step."),
        ),
        "done": Flash(Text(zh="已办理，记录已保存。", en="Done, and recorded.")),
        "retried": Flash(
            Text(zh="已重新接收该数据。", en="The row was taken in again."),
            Text(zh="如仍有问题，会带着新的原因留在此处。", en="If it still fails, it says why."),
        ),
        "retried_partly": Flash(
            Text(zh="已重新接收，其中有误的行仍被隔离。", en="Taken in, but for its bad rows."),
            Text(
                zh="有误的行已分别列入隔离数据，各有原因。",
                en="Each bad row is in the quarantine by itself now, with its reason.",
            ),
            status="warning",
        ),
        "taken_otherwise": Flash(
            Text(
                zh="该数据已由他人按另一内容接收，您的改正没有采用。",
                en="Somebody else took it in with another text; yours was not used.",
            ),
            Text(zh="请核对已接收的数据。", en="Look at what was taken in."),
            status="warning",
        ),
        "put_aside": Flash(
            Text(
                zh="该数据此前已作废，没有接收。",
                en="It was put aside before; nothing was taken in.",
            ),
            status="warning",
        ),
        "refused": Flash(
            Text(zh="该数据仍无法接收。", en="The row still cannot be accepted."),
            Text(zh="请查看新的原因，改正后再试。", en="Look at the new reason and try again."),
            status="warning",
        ),
        "dismissed": Flash(Text(zh="已作废该数据。", en="The row was put aside.")),
        "requeued": Flash(
            Text(zh="通知将重新发送。", en="The notice will be sent again."),
        ),
        "record_saved": Flash(Text(zh="已保存。", en="Saved.")),
        "record_removed": Flash(
            Text(zh="已删除该记录。", en="The row was removed."),
            Text(zh="变更经过仍可查看。", en="Its history can still be read."),
        ),
        "records_imported": Flash(
            Text(zh="导入完成。", en="The file was imported."),
            Text(zh="列表已是导入后的内容。", en="The list shows what there is now."),
        ),
        "parameter_proposed": Flash(
            Text(zh="已提交。", en="Sent."),
            Text(zh="经另一人批准后生效。", en="It holds once somebody else approves it."),
        ),
        "parameter_approved": Flash(
            Text(zh="已批准。", en="Approved."),
            Text(zh="从生效日期起按新值判断。", en="It counts from the day on which it holds."),
        ),
        "parameter_rejected": Flash(
            Text(zh="未批准该值。", en="The value was rejected."),
            Text(zh="提出人会收到通知。", en="Who proposed it is told."),
        ),
        "parameter_withdrawn": Flash(Text(zh="已撤回。", en="Taken back.")),
        "job_asked": Flash(
            Text(zh="已安排执行。", en="It will run now."),
            Text(zh="结果稍后出现在执行记录中。", en="Its outcome appears among the runs."),
        ),
        "records_partly": Flash(
            Text(zh="导入完成，退回的行没有导入。", en="Imported, but for the rejected rows."),
            Text(
                zh="请下载退回的行，改正后再导入。",
                en="Take the rejected rows back, put them right, and import them.",
            ),
            status="warning",
        ),
        "event_asked": Flash(
            Text(zh="将重新送达。", en="It will be delivered again."),
            Text(zh="送达后从列表中消失。", en="Once delivered it leaves the list."),
        ),
        "session_ended": Flash(Text(zh="已结束该处登录。", en="That session was ended.")),
        "password_changed": Flash(
            Text(zh="密码已更改。", en="The password was changed."),
            Text(zh="其他设备上的登录已全部结束。", en="You are logged out everywhere else."),
        ),
        "language": Flash(Text(zh="界面语言已更改。", en="The language was changed.")),
        "logged_out": Flash(Text(zh="您已退出登录。", en="You are logged out.")),
    }
)
"""What was done, and what comes next; any other code says nothing."""
