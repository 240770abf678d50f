from pipeline.inference.model import Model as Model

__all__ = ["Model"]
