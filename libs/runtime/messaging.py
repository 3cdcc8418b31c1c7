"""The names of spans and their messaging attributes, in one place: the conventions are still in development."""

SYSTEM = "messaging.system"
OPERATION_NAME = "messaging.operation.name"
OPERATION_TYPE = "messaging.operation.type"
DESTINATION = "messaging.destination.name"
GROUP = "messaging.consumer.group.name"
MESSAGE_ID = "messaging.message.id"
CONVERSATION_ID = "messaging.message.conversation_id"

SYSTEM_REDIS = "redis"
SEND = "send"
PROCESS = "process"

DELIVERIES = "flatguard.deliveries"
"""How often the entry has been delivered, this time included."""
SAMPLING = "flatguard.sampling"
RARELY = "rarely"
"""Value of SAMPLING on a root span: routine work, of which a small share is enough."""
